"""A sealer's configuration file."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from agents.config import Web, read_config
from agents.keys.settings import AuditKeySettings, KeySource
from agents.settings import Kafka


def _url(text: str) -> str:
    """Signatures are what is trusted, and not the way: http will do."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("is no URL: write http://host/path or https://host/path, without a user")
    return text


Url = Annotated[str, AfterValidator(_url)]


class Timestamps(BaseModel):
    """Where a time stamp authority (RFC 3161) answers; whose stamps count says the policy."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Url


class SealerConfig(AuditKeySettings):
    """`audit_key`: private, Ed25519, one of the policy's sealer_keys; `store`: where its web port is written.

    `witnesses`: the submission prefix of each, by its name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kafka: Kafka
    store: Path
    audit_key: KeySource
    web: Web = Web()
    timestamps: Timestamps | None = None
    witnesses: dict[str, Url] = Field(default_factory=dict)
    genesis: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None


def load_sealer_config(path: Path) -> SealerConfig:
    """Raises WorkerConfigError."""
    config, base = read_config(path, SealerConfig), path.parent
    return config.model_copy(
        update={
            "kafka": config.kafka.relative_to(base),
            "store": base / config.store,
        }
    )
