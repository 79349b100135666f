"""A sealer's configuration file."""

from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field

from agents.config import Web, read_config
from agents.keys.settings import AuditKeySettings, KeySource
from agents.settings import Kafka


class SealerConfig(AuditKeySettings):
    """`audit_key`: private, Ed25519, one of the policy's sealer_keys; `store`: where its web port is written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kafka: Kafka
    store: Path
    audit_key: KeySource
    web: Web = Web()
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
