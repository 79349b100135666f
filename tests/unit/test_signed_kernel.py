"""The kernel's reading of signed records, held to the vectors of docs/envelope.md and to pipeline.identity."""

from typing import Any, NamedTuple

import pytest
from panlock_kernel import REFUSALS, SignedChunk

from pipeline.identity.envelope import CERTIFICATES, ENVELOPE, SALT, content_hash, head_bytes, leaf_hash, parse
from pipeline.identity.merkle import root_from
from pipeline.identity.sealing import sealed_key_hash
from pipeline.identity.signature import verify_signature
from pipeline.record import Headers, Reason
from tests.vectors.envelope.reading import Case, certificate, headers, octets, place, read

FOREVER = (0, 2**62)


class Given(NamedTuple):
    """A record as a topic holds it."""

    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp: int


def given(case: Case, time: int | None = None) -> Given:
    raw = bytes.fromhex(case["envelope"])
    own: Headers = ((ENVELOPE, raw), (SALT, bytes.fromhex(case["salt"])))
    at = time if time is not None else int.from_bytes(raw[59:67], "big")
    return Given(octets(case["key"]), octets(case["value"]), (*headers(case), *own), min(at, 2**62))


def chunk(case: Case, record: Given, window: int = 1_000) -> SignedChunk:
    return SignedChunk(place(case)[:3], case["principal"], [record], window, False)


def refusal(made: SignedChunk, keys: tuple[bytes | int, ...] = ()) -> Any:
    return made.finish([FOREVER] * len(made.roots), keys)[3][0]


BATCHES = read("good")["batches"]


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: batch["name"])
def test_records_of_a_batch_come_to_its_one_root(batch: Case) -> None:
    for number, record in enumerate(batch["records"]):
        case = {**batch, **record}
        made = chunk(case, given(case))
        if isinstance(refused := made.finish([FOREVER] * len(made.roots), [])[3][0], int):
            assert REFUSALS[refused] in ("identity-mismatch", "identity-duplicate")  # signed, and still not the owner's
            continue
        assert [(size, root.hex()) for _, _, size, root, _ in made.roots] == [(batch["size"], batch["root"])]
        if record.get("sealed_key") is None and number == 0:
            keys, values, kept, proofs = made.finish([FOREVER], [])
            assert (keys, values) == ([octets(record["key"])], [octets(record["value"])])
            assert kept == [tuple(each for each in headers(case) if not each[0].startswith("panlock-"))]
            assert f'"content":"{record["content"]}"'.encode() in proofs[0][4]  # type: ignore[index]


@pytest.mark.parametrize("case", read("bad")["cases"], ids=lambda case: case["name"])
def test_what_the_vectors_call_bad_is_refused_or_leads_to_no_signed_root(case: Case) -> None:
    made = chunk(case, given(case), 2**62)
    if case["expect"] == Reason.ENVELOPE_MALFORMED:
        assert REFUSALS[refusal(made)] == case["expect"]
        return
    if not made.roots:
        assert REFUSALS[refusal(made)].startswith("identity-")
        return
    envelope = parse(bytes.fromhex(case["envelope"]))
    ((x5t, algorithm, size, root, signature),) = made.roots
    assert (x5t, size, signature) == (envelope.head.certificate, envelope.size, envelope.signature)
    known = certificate(case["chain"], read("certificates")["checks"][0]["time"])
    raw = bytes.fromhex(case["envelope"])
    content = content_hash(bytes.fromhex(case["salt"]), octets(case["key"]), octets(case["value"]), headers(case))
    leaf = leaf_hash(place(case), case["principal"], head_bytes(raw), content)
    assert root == root_from(leaf, envelope.index, envelope.size, envelope.path)
    holds = verify_signature(known.public_key, envelope.head.algorithm, size, root, signature)
    assert not (holds and x5t == known.x5t and known.principal == case["principal"])
    assert algorithm == envelope.head.algorithm


def test_one_byte_more_or_less_is_malformed_and_any_bit_another_root_or_refused() -> None:
    batch = BATCHES[1]
    case = {**batch, **batch["records"][3]}
    record, raw = given(case), bytes.fromhex(case["envelope"])
    (good,) = chunk(case, record).roots

    def with_(changed: bytes) -> SignedChunk:
        own: Headers = ((ENVELOPE, changed), *record.headers[-1:])
        return chunk(case, record._replace(headers=(*record.headers[:-2], *own)), 2**63)

    for changed in (*(raw[:length] for length in range(0, len(raw), 7)), raw + b"\0"):
        assert REFUSALS[refusal(with_(changed))] == "envelope-malformed"
    for bit in range(8 * len(raw)):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        made = with_(bytes(flipped))
        assert not made.roots or made.roots[0] != good


def test_a_verdict_is_for_all_records_of_its_root_and_validity_for_each() -> None:
    case = {**BATCHES[0], **BATCHES[0]["records"][0]}
    record = given(case)
    records = [record, record._replace(timestamp=record.timestamp + 500)]
    made = SignedChunk(place(case)[:3], case["principal"], records, 1_000, False)
    assert made.finish([77], [])[3] == [77, 77]
    *_, proofs = made.finish([(0, record.timestamp)], [])
    assert isinstance(proofs[0], tuple) and REFUSALS[proofs[1]] == "certificate-expired"  # type: ignore[index]
    for verdicts in ([], [FOREVER, FOREVER]):
        with pytest.raises(ValueError, match="one verdict"):
            made.finish(verdicts, [])


def test_the_window_holds_on_both_sides_and_for_any_number() -> None:
    case = {**BATCHES[0], **BATCHES[0]["records"][0]}
    time = given(case).timestamp
    for at, stale in (
        (time - 1_000, False),
        (time + 1_000, False),
        (time - 1_001, True),
        (time + 1_001, True),
        (-1, True),
    ):
        assert (refusal(chunk(case, given(case, at))) == REFUSALS.index("envelope-stale")) is stale


def test_chains_and_sealed_keys_are_told_with_stream_and_time() -> None:
    case = {**BATCHES[0], **BATCHES[0]["records"][0]}
    record = given(case)
    brought = record._replace(headers=(*record.headers, (CERTIFICATES, b"chain"), ("panlock-sealed-key", b"key")))
    made = SignedChunk(place(case)[:3], case["principal"], [record, brought], 1_000, False)
    assert made.attached == [(1, bytes.fromhex(case["stream"]), record.timestamp, b"chain", b"key")]
    assert made.sealed_keys == [] and sealed_key_hash(b"key") not in made.sealed_keys
