"""A worker without a key that its policy works with does not start, and says which."""

from pathlib import Path

import pytest

from agents.app import flow_sources
from agents.config import WorkerConfig, WorkerConfigError
from agents.keys.opening import open_keys
from agents.settings import Kafka
from pipeline.policy import parse_policy
from tests.policy_text import POLICY


def config(directory: Path) -> WorkerConfig:
    key = directory / "k1.key"
    key.write_bytes(bytes(32))
    key.chmod(0o600)
    kafka = Kafka.model_validate({"bootstrap": "h:1", "ca": "ca", "certificate": "c", "key": "k"})
    return WorkerConfig(kafka=kafka, store=directory, token_keys={"k1": key}, token_key="k1")


@pytest.mark.parametrize("domain", ["{key: k9}", "{key: k1, previous: k9}"])
def test_a_missing_key_is_named(tmp_path: Path, domain: str) -> None:
    text = POLICY.replace("strategy: token", "strategy: token, domain: cards")
    policy = parse_policy(f"{text}token_domains: {{cards: {domain}}}\n", "p.yaml")
    settings = config(tmp_path)
    with pytest.raises(WorkerConfigError, match=r"token_keys: \$\.card\.number: .*k9"):
        flow_sources(policy, settings, open_keys(settings, development=True))
