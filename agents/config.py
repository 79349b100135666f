"""A worker's configuration file."""

import os
import ssl
import stat
from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agents.issuers.fetching import issuer_context
from agents.schemas.settings import SchemaSettings
from agents.settings import Kafka
from pipeline.errors import PanlockError
from pipeline.keys import Keyring
from pipeline.masking.formats.schemas import Schemas

KEY_BYTES = 32
Part = TypeVar("Part", bound=BaseModel)


class WorkerConfigError(PanlockError):
    """A worker's or the sealer's configuration cannot be used; the message says which key, why, and what to do."""


class Web(BaseModel):
    """Where the worker answers /healthz, /readyz and /lanes; port 0: any, written to <store>/web.port."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 0


class WorkerConfig(BaseModel):
    """A worker's file. `genesis`: hash of the first bundle of policies, as `panlock init` printed it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kafka: Kafka
    store: Path
    web: Web = Web()
    token_keys: dict[str, Path]
    token_key: str
    genesis: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    audit_key: Path | None = None  # signs the audit; needed where the policy names audit.worker_keys
    seal_keys: dict[str, Path] = {}  # to open sealed records with: every key that producers may still seal to
    schemas: SchemaSettings | None = None
    issuer_ca: Path | None = None
    session_timeout: Annotated[float, Field(ge=1, le=300)] = 10.0  # seconds until a silent worker's lanes move

    def keyring(self) -> Keyring:
        """Read the token keys. Raises WorkerConfigError for a key that is missing, short, or readable by others."""
        keys = {name: read_key(name, path) for name, path in self.token_keys.items()}
        try:
            return Keyring(keys, self.token_key)
        except ValueError as error:
            raise WorkerConfigError(f"token_keys: {error}") from error

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


def read_secret(name: str, path: Path) -> bytes:
    """A file that its owner alone may read. `name`: its place in the configuration. Raises WorkerConfigError."""
    try:
        content, mode = path.read_bytes(), stat.S_IMODE(os.stat(path).st_mode)
    except OSError as error:
        raise WorkerConfigError(f"{name}: cannot read {path}: {error.strerror}") from error
    if mode & 0o077:
        raise WorkerConfigError(f"{name}: {path} is readable by others: chmod 600 it")
    return content


def read_key(name: str, path: Path) -> bytes:
    """A token key. Raises WorkerConfigError."""
    content = read_secret(f"token_keys.{name}", path)
    if len(content) != KEY_BYTES:
        raise WorkerConfigError(f"token_keys.{name}: {path} holds {len(content)} bytes: it takes {KEY_BYTES}")
    return content


def read_config(path: Path, model: type[Part]) -> Part:
    """A process's YAML file, paths as they are written. Raises WorkerConfigError."""
    try:
        raw = yaml.safe_load(path.read_text())
    except OSError as error:
        raise WorkerConfigError(f"{path}: {error.strerror}: name the configuration file") from error
    except yaml.YAMLError as error:
        raise WorkerConfigError(f"{path}: is not YAML: {error}") from error
    try:
        return model.model_validate(raw)
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
            "audit_key": config.audit_key and base / config.audit_key,
            "schemas": config.schemas and config.schemas.relative_to(base),
            "token_keys": {name: base / key for name, key in config.token_keys.items()},
            "seal_keys": {name: base / key for name, key in config.seal_keys.items()},
        }
    )
