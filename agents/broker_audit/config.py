"""The configuration file of `panlock broker-audit`."""

from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field

from agents.config import Web, read_config
from agents.keys.settings import AuditKeySettings, KeySource
from agents.settings import Kafka


class BrokerAuditConfig(AuditKeySettings):
    """`audit_key`: private, Ed25519, one of the policy's broker_keys; `store`: where its web port is written;
    `log_window`: seconds between two looks at authorizers' logs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kafka: Kafka
    store: Path
    audit_key: KeySource
    web: Web = Web()
    log_window: Annotated[float, Field(ge=0.1, le=3600)] = 60.0
    genesis: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None


def load_broker_audit_config(path: Path) -> BrokerAuditConfig:
    """Raises WorkerConfigError."""
    config, base = read_config(path, BrokerAuditConfig), path.parent
    return config.model_copy(update={"kafka": config.kafka.relative_to(base), "store": base / config.store})
