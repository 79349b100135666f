"""The lists of pinned packages name no place to get them from."""

from pathlib import Path

import pytest

from deploy.dev.jars import LOCK, SPEC, pinned

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("file", [LOCK, SPEC, ROOT / "requirements.lock", ROOT / "kernel" / "Cargo.toml"])
def test_no_registry_host_is_named(file: Path) -> None:
    text = file.read_text()
    assert "://" not in text
    assert "--index-url" not in text


def test_every_jar_is_pinned_by_hash_and_kafka_by_one_version() -> None:
    jars = pinned()
    assert all(len(jar.sha256) == 64 for jar in jars)
    assert {jar.version for jar in jars if jar.group == "org.apache.kafka"} == {"4.3.1"}


def test_every_python_package_is_pinned_by_hash() -> None:
    lock = (ROOT / "requirements.lock").read_text().replace("\\\n", " ")
    packages = [line for line in lock.splitlines() if line and not line.startswith("#")]
    assert packages
    assert all("==" in line and "--hash=sha256:" in line for line in packages)
