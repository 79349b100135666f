"""The configuration of a process that writes a log of its own to the audit: the sealer, and broker-audit."""

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import ConfigDict, Field

from agents.config import Web, read_config
from agents.keys.settings import AuditKeySettings, KeySource
from agents.settings import Kafka


class EmitterConfig(AuditKeySettings):
    """`audit_key`: private, Ed25519, one that the policy names; `store`: where its web port is written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kafka: Kafka
    store: Path
    audit_key: KeySource
    web: Web = Web()
    genesis: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None


Config = TypeVar("Config", bound=EmitterConfig)


def load_emitter_config(path: Path, model: type[Config]) -> Config:
    """Raises WorkerConfigError."""
    config, base = read_config(path, model), path.parent
    return config.model_copy(update={"kafka": config.kafka.relative_to(base), "store": base / config.store})
