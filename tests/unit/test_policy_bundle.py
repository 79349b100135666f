"""The bundle's hash to the byte, and what is no bundle; the words on it, as they lie in panlock.policy."""

import json
from pathlib import Path

import pytest

from pipeline.approval.change import decode, read_change
from pipeline.policy import PolicyError
from pipeline.policy.bundle import Bundle, BundleError, bundle_of, load_bundle, read_bundle
from tests.changing import POLICY, bundle

VECTORS = Path(__file__).parents[1] / "vectors" / "policy"
BUNDLES = json.loads((VECTORS / "bundle.json").read_text())
CHANGES = json.loads((VECTORS / "changes.json").read_text())


@pytest.mark.parametrize("vector", BUNDLES, ids=lambda each: each["name"])
def test_the_hash_is_that_of_the_vector(vector: dict[str, object]) -> None:
    files = {name: bytes.fromhex(content) for name, content in vector["files"].items()}  # type: ignore[attr-defined]
    assert Bundle(str(vector["policy"]).encode(), files, bundle().policy).hash == vector["hash"]


@pytest.mark.parametrize("vector", CHANGES, ids=lambda each: each["name"])
def test_a_word_is_read_as_the_vector_says(vector: dict[str, object]) -> None:
    found = decode(json.dumps(vector["record"]).encode())
    assert found is not None
    change = read_change(found[0], bundle().policy)
    wanted = vector["read"]
    if isinstance(wanted, str):
        assert change == wanted
    else:
        assert {name: getattr(change, name) for name in wanted} == wanted  # type: ignore[attr-defined]


def test_a_bundle_comes_back_from_its_proposal() -> None:
    first = bundle()
    back = read_bundle(json.loads(json.dumps(first.json())))
    assert back is not None and back.hash == first.hash


@pytest.mark.parametrize(
    "value",
    [None, [], {}, {"policy": "AA=="}, {"policy": "!", "files": {}}, {"policy": 1, "files": {}},
     {"policy": "AA==", "files": []}, {"policy": "AA==", "files": {"x": 7}}, {"policy": "AA==", "files": {}}],
)  # fmt: skip
def test_what_is_no_bundle_is_none(value: object) -> None:
    assert read_bundle(value) is None


def test_files_that_the_policy_does_not_name_are_refused() -> None:
    with pytest.raises(BundleError, match="comes with others"):
        bundle_of(POLICY.encode(), {"extra.pem": b"x"}, "policy.yaml")


def test_a_bundle_that_is_too_large_is_refused() -> None:
    with pytest.raises(BundleError, match="more than 1048576 bytes"):
        bundle_of(POLICY.encode() + b"#" * (1 << 20), {}, "policy.yaml")


def with_authority(name: str) -> bytes:
    return POLICY.replace("people:", f"authorities: ['{name}']\npeople:", 1).encode()


@pytest.mark.parametrize("name", ["../ca.pem", "/etc/ca.pem", "a/b.pem", ".hidden", ""])
def test_a_file_lies_beside_the_policy(name: str) -> None:
    with pytest.raises(PolicyError, match="no file beside the policy"):
        bundle_of(with_authority(name), {name: b"x"}, "policy.yaml")


def test_a_file_is_not_called_as_the_policy_itself() -> None:
    with pytest.raises(BundleError, match="its own name"):
        bundle_of(with_authority("policy.yaml"), {"policy.yaml": b"x"}, "policy.yaml")


def test_a_policy_has_the_authorities_that_its_bundle_brought(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_bytes(with_authority("ca.pem"))
    (tmp_path / "ca.pem").write_bytes(b"one")
    loaded = load_bundle(tmp_path / "policy.yaml")
    (tmp_path / "ca.pem").write_bytes(b"another, after people approved it")
    assert loaded.policy.authority_pems == {"ca.pem": b"one"}
    assert load_bundle(tmp_path / "policy.yaml").hash != loaded.hash


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_bytes(with_authority("ca.pem"))
    with pytest.raises(BundleError, match=r"cannot read .*ca\.pem"):
        load_bundle(tmp_path / "policy.yaml")
