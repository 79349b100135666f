"""docs/envelope.md to the byte: golden vectors, good and bad."""

import hashlib
import json

import pytest

from pipeline.identity.certificates import CertificateError, encode_chain, parse_chain
from pipeline.identity.envelope import content_hash, encode, head_bytes, leaf_hash, parse
from pipeline.identity.merkle import MerkleError, root_and_paths, root_from
from pipeline.identity.signature import signed_bytes
from tests.vectors.envelope import make
from tests.vectors.envelope.reading import headers, octets, place, read, verdict

BATCHES = read("good")["batches"]
SHARED = ("cluster", "topic_id", "principal", "chain")
GOOD = [
    {**record, **{name: batch[name] for name in SHARED}, "size": batch["size"], "root": batch["root"]}
    for batch in BATCHES
    for record in batch["records"]
]


def test_the_vectors_are_what_the_script_makes() -> None:
    for name, document in make.documents().items():
        assert make.rendered(document) == (make.HERE / f"{name}.json").read_text(), name


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case["chain"])
def test_every_step_from_record_to_root_is_pinned(case: dict[str, str]) -> None:
    salt, raw = bytes.fromhex(case["salt"]), bytes.fromhex(case["envelope"])
    content = content_hash(salt, octets(case["key"]), octets(case["value"]), headers(case))
    assert content.hex() == case["content"]
    leaf = leaf_hash(place(case), case["principal"], head_bytes(raw), content)
    assert leaf.hex() == case["leaf"]
    envelope = parse(raw)
    assert root_from(leaf, envelope.index, envelope.size, envelope.path).hex() == case["root"]
    assert encode(envelope) == raw and envelope.head.encode() == head_bytes(raw)
    assert verdict(case) == "ok"


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: batch["name"])
def test_the_signed_bytes_are_pinned(batch: dict[str, str]) -> None:
    assert signed_bytes(int(batch["size"]), bytes.fromhex(batch["root"])).hex() == batch["signed"]


@pytest.mark.parametrize("case", read("bad")["cases"], ids=lambda case: case["name"])
def test_what_is_changed_is_refused(case: dict[str, str]) -> None:
    assert verdict(case) == case["expect"]


@pytest.mark.parametrize("tree", read("merkle")["trees"], ids=lambda tree: str(tree["size"]))
def test_trees_are_those_of_rfc_6962(tree: dict[str, object]) -> None:
    size = int(str(tree["size"]))
    leaves = [hashlib.sha256(b"\x00" + number.to_bytes(4, "big")).digest() for number in range(size)]
    root = _rfc6962(leaves)
    assert root.hex() == tree["root"] and root_and_paths(leaves)[0] == root
    for each in json.loads(json.dumps(tree["paths"])):
        path = [bytes.fromhex(step) for step in each["path"]]
        assert root_from(leaves[each["index"]], each["index"], size, path) == root


def _rfc6962(leaves: list[bytes]) -> bytes:
    """MTH as section 2.1 defines it: by recursion, unlike the code under test."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + _rfc6962(leaves[:half]) + _rfc6962(leaves[half:])).digest()


def test_a_tree_has_1_to_1024_leaves() -> None:
    for count in (0, 1_025):
        with pytest.raises(MerkleError):
            root_and_paths([bytes(32)] * count)


def test_a_chain_comes_back_as_it_was_written() -> None:
    for chain in read("certificates")["chains"].values():
        certificates = tuple(bytes.fromhex(each) for each in chain["certificates"])
        assert encode_chain(certificates).hex() == chain["header"]
        assert parse_chain(bytes.fromhex(chain["header"])) == certificates


@pytest.mark.parametrize(
    "raw",
    ["", "01", "02000130", "0100", "010000", "010002aa", "010001aa00", "01" + "0001aa" * 5],
    ids=["empty", "none", "version", "short", "empty-certificate", "cut", "cut-length", "too-many"],
)
def test_a_header_that_is_no_chain_is_refused(raw: str) -> None:
    with pytest.raises(CertificateError):
        parse_chain(bytes.fromhex(raw))
