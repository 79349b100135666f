"""A file that names an existing cluster: what it gives, and what is wrong with it in words."""

import sys
from pathlib import Path

import pytest
import yaml
from cryptography import x509

from deploy.dev.ca import DevelopmentCA
from tests.existing import ExistingClusterError, existing_cluster


@pytest.fixture
def told(tmp_path: Path) -> dict[str, object]:
    ca = DevelopmentCA(tmp_path / "ca")
    ca.issue("admin")
    return {
        "bootstrap": "127.0.0.1:1",
        "ca": "ca/ca.pem",
        "admin": {"certificate": "ca/admin.pem", "key": "ca/admin.key"},
        "issue": {"ca": "ca/ca.pem", "key": "ca/ca.key"},
        "delete_all_topics": True,
    }


def write(tmp_path: Path, told: dict[str, object]) -> tuple[Path, Path]:
    file, made = tmp_path / "cluster.yaml", tmp_path / "made"
    file.write_text(yaml.safe_dump(told))
    made.mkdir()
    return file, made


def test_an_authority_issues_and_the_administrator_keeps_their_own(tmp_path: Path, told: dict[str, object]) -> None:
    cluster = existing_cluster(*write(tmp_path, told))
    leaf = x509.load_pem_x509_certificate(cluster.issue("checkout", "spiffe://a/b").certificate.read_bytes())
    authority = x509.load_pem_x509_certificate((tmp_path / "ca" / "ca.pem").read_bytes())
    leaf.verify_directly_issued_by(authority)
    assert leaf.subject.rfc4514_string() == "CN=checkout"
    assert cluster.config("admin")["key"] == str(tmp_path / "ca" / "admin.key")


def test_a_command_issues(tmp_path: Path, told: dict[str, object]) -> None:
    program = "import sys; [open(name, 'w').write(' '.join(sys.argv[1:3])) for name in sys.argv[3:]]"
    told["issue"] = {"command": [sys.executable, "-c", program, "{name}", "{spiffe}", "{certificate}", "{key}"]}
    leaf = existing_cluster(*write(tmp_path, told)).issue("ana")
    assert leaf.certificate.read_text() == leaf.key.read_text() == "ana spiffe://dev.panlock/ana"


def test_a_command_that_makes_nothing_is_told(tmp_path: Path, told: dict[str, object]) -> None:
    told["issue"] = {"command": [sys.executable, "-c", "raise SystemExit('no such role')"]}
    with pytest.raises(ExistingClusterError, match="made no certificate: no such role"):
        existing_cluster(*write(tmp_path, told)).issue("ana")


@pytest.mark.parametrize(("key", "value"), [("delete_all_topics", False), ("ca", None), ("bootstrapp", "x:1")])
def test_a_file_that_is_wrong_is_told_where(tmp_path: Path, told: dict[str, object], key: str, value: object) -> None:
    told[key] = value
    with pytest.raises(ExistingClusterError, match=rf"cluster.yaml: .*{key}: "):
        existing_cluster(*write(tmp_path, told))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ExistingClusterError, match="name embedded, docker or a YAML file"):
        existing_cluster(tmp_path / "nowhere.yaml", tmp_path)
