"""The bundle's hash to the byte, and what is no bundle; the words on it, as they lie in panlock.policy."""

import json
from pathlib import Path

import pytest

from pipeline.approval.change import decode, read_change
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


@pytest.mark.parametrize("name", ["../ca.pem", "/etc/ca.pem", "a/b.pem", ".hidden", "policy.yaml", ""])
def test_a_file_lies_beside_the_policy(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.policy.bundle.references", lambda policy: [name])
    with pytest.raises(BundleError, match="cannot be a file of"):
        bundle_of(POLICY.encode(), {name: b"x"}, "policy.yaml")


def test_a_file_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    monkeypatch.setattr("pipeline.policy.bundle.references", lambda policy: ["ca.pem"])
    with pytest.raises(BundleError, match=r"cannot read .*ca\.pem"):
        load_bundle(tmp_path / "policy.yaml")
