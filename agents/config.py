"""A worker's configuration file."""

import ssl
from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.issuers.fetching import issuer_context
from agents.keys.settings import KeySettings, KeySource
from agents.schemas.settings import SchemaSettings
from agents.settings import Kafka
from pipeline.errors import PanlockError
from pipeline.masking.formats.schemas import Schemas

Part = TypeVar("Part", bound=BaseModel)


class WorkerConfigError(PanlockError):
    """A worker's or the sealer's configuration cannot be used; the message says which key, why, and what to do."""


class Web(BaseModel):
    """Where the worker answers /healthz, /readyz and /lanes; port 0: any, written to <store>/web.port."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 0


class WorkerConfig(KeySettings):
    """A worker's file. `genesis`: hash of the first bundle of policies, as `panlock init` printed it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kafka: Kafka
    store: Path
    web: Web = Web()
    token_keys: dict[str, KeySource]
    token_key: str
    genesis: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    schemas: SchemaSettings | None = None
    issuer_ca: Path | None = None
    session_timeout: Annotated[float, Field(ge=1, le=300)] = 10.0  # seconds until a silent worker's lanes move

    def issuer_context(self) -> ssl.SSLContext:
        """TLS to the policy's issuers. Raises WorkerConfigError."""
        try:
            return issuer_context(self.issuer_ca)
        except OSError as error:  # ssl.SSLError is one
            raise WorkerConfigError(f"issuer_ca: cannot use {self.issuer_ca}: name a PEM file of CAs") from error

    def source_of_schemas(self) -> Schemas | None:
        """Raises WorkerConfigError for a file that cannot be read."""
        try:
            return None if self.schemas is None else self.schemas.schemas()
        except OSError as error:
            raise WorkerConfigError(f"schemas: {error.filename}: {error.strerror}") from error


def read_config(path: Path, model: type[Part]) -> Part:
    """A process's YAML file; paths of keys are relative to it, others as they are written. Raises WorkerConfigError."""
    try:
        raw = yaml.safe_load(path.read_text())
    except OSError as error:
        raise WorkerConfigError(f"{path}: {error.strerror}: name the configuration file") from error
    except yaml.YAMLError as error:
        raise WorkerConfigError(f"{path}: is not YAML: {error}") from error
    try:
        return model.model_validate(raw, context=path.parent)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise WorkerConfigError(f"{path}: {wrong}") from error


def load_worker_config(path: Path) -> WorkerConfig:
    """Raises WorkerConfigError."""
    config, base = read_config(path, WorkerConfig), path.parent
    return config.model_copy(
        update={
            "kafka": config.kafka.relative_to(base),
            "store": base / config.store,
            "issuer_ca": config.issuer_ca and base / config.issuer_ca,
            "schemas": config.schemas and config.schemas.relative_to(base),
        }
    )
