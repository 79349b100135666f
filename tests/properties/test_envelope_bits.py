"""No bit of a signed record can be changed: not of its envelope, not of what the envelope is about."""

import contextlib
import hashlib
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.identity.certificates import Certificate, check_chain
from pipeline.identity.envelope import EnvelopeError, Place, content_hash, encode, parse
from pipeline.identity.merkle import MAX_LEAVES, MerkleError, path_length, root_and_paths, root_from
from pipeline.identity.signature import PrivateKey
from pipeline.identity.signer import Draft, Signer
from tests.vectors.envelope.material import key
from tests.vectors.envelope.reading import chain, read, roots, verdict

PLACE = Place("cluster", bytes(16), 3)
STREAM = bytes(16)
octets = st.binary(max_size=40)
headers = st.lists(st.tuples(st.sampled_from(["a", "b", "panlock-identity"]), st.none() | octets), max_size=4)
records = st.lists(st.tuples(st.none() | octets, st.none() | octets, headers), min_size=1, max_size=9)


def _hex(content: bytes | None) -> str | None:
    return None if content is None else content.hex()


@cache
def case(batch: int, index: int) -> dict[str, Any]:
    found = read("good")["batches"][batch]
    shared = {name: found[name] for name in ("cluster", "topic_id", "principal", "chain")}
    return {**shared, **found["records"][index]}


@pytest.mark.parametrize("batch", range(3), ids=["ed25519", "p256", "rsa"])
@pytest.mark.parametrize("field", ["envelope", "salt", "topic_id"])
def test_no_bit_can_be_flipped(batch: int, field: str) -> None:
    good = case(batch, 0)
    raw = bytes.fromhex(good[field])
    assert verdict(good) == "ok"
    for bit in range(8 * len(raw)):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        assert verdict({**good, field: flipped.hex()}) != "ok", f"bit {bit} of {field}"


@pytest.mark.parametrize("batch", range(3), ids=["ed25519", "p256", "rsa"])
def test_no_byte_can_be_cut_off_or_added(batch: int) -> None:
    good = case(batch, 0)
    raw = bytes.fromhex(good["envelope"])
    for length in range(len(raw)):
        assert verdict({**good, "envelope": raw[:length].hex()}) == "envelope-malformed"
    for byte in range(256):
        assert verdict({**good, "envelope": (raw + bytes([byte])).hex()}) == "envelope-malformed"


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_whatever_the_bytes_parse_raises_nothing_else(raw: bytes) -> None:
    with contextlib.suppress(EnvelopeError):
        assert encode(parse(raw)) == raw


@settings(deadline=None)
@given(st.data())
def test_a_damaged_envelope_is_refused_or_read_to_the_byte(data: st.DataObject) -> None:
    raw = bytearray(bytes.fromhex(case(1, 4)["envelope"]))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(EnvelopeError):
        assert encode(parse(bytes(raw))) == raw


@settings(deadline=None)
@given(st.data())
def test_a_damaged_chain_never_raises(data: st.DataObject) -> None:
    raw = bytearray(chain("p256")[0])
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    found = check_chain([bytes(raw)], roots(), read("certificates")["checks"][0]["time"])
    assert not isinstance(found, Certificate) or bytes(raw) == chain("p256")[0]


@settings(deadline=None)
@given(records, st.data())
def test_two_records_have_one_content_hash_only_if_they_are_the_same(some: list[Any], data: st.DataObject) -> None:
    salt = bytes(16)
    one, other = data.draw(st.sampled_from(some)), data.draw(st.tuples(st.none() | octets, st.none() | octets, headers))
    assert (content_hash(salt, *one) == content_hash(salt, *other)) == (one == other)


@pytest.mark.parametrize("name", ["ed25519", "p256", "rsa"])
@settings(deadline=None)
@given(some=records)
def test_what_is_signed_verifies_and_only_in_its_own_place(name: str, some: list[Any]) -> None:
    private: PrivateKey = key(name)
    drafts = [Draft(PLACE, STREAM, at, 1, bytes([at]) * 16, *record) for at, record in enumerate(some)]
    signed = Signer(private, chain(name), "checkout").sign_batch(drafts)
    for at, (draft, added) in enumerate(zip(drafts, signed, strict=True)):
        written = {
            "cluster": PLACE.cluster,
            "topic_id": PLACE.topic_id.hex(),
            "partition": PLACE.partition,
            "principal": "checkout",
            "chain": name,
            "key": _hex(draft.key),
            "value": _hex(draft.value),
            "headers": [[each, _hex(content)] for each, content in draft.headers],
            "salt": dict(added)["panlock-salt"].hex(),
            "envelope": dict(added)["panlock-envelope"].hex(),
        }
        assert verdict(written) == "ok", at
        assert verdict({**written, "partition": 4}) == "signature-invalid"
        neighbour = dict(signed[at - 1])["panlock-envelope"].hex()
        assert len(some) == 1 or verdict({**written, "envelope": neighbour}) == "signature-invalid"


@settings(deadline=None)
@given(st.integers(1, MAX_LEAVES), st.data())
def test_a_leaf_has_one_path_and_it_leads_from_no_other_place(size: int, data: st.DataObject) -> None:
    leaves = [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(size)]
    root, paths = root_and_paths(leaves)
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    assert len(paths[index]) == path_length(index, size) <= 10
    assert root_from(leaves[index], index, size, paths[index]) == root
    if other != index:
        try:
            assert root_from(leaves[index], other, size, paths[index]) != root
        except MerkleError:
            assert path_length(other, size) != len(paths[index])
