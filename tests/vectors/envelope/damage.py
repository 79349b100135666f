"""What must be refused: each case is a record of a good batch with one thing changed, and the reason code."""

from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from pipeline.identity.envelope import head_bytes
from tests.vectors.envelope import material

Case = dict[str, Any]

_SIZE, _INDEX, _COUNT = slice(0, 4), slice(4, 8), slice(8, 9)  # within the proof


def damaged(batches: list[Case]) -> Iterator[Case]:
    """`batches` as the script has them: byte strings are bytes."""
    single, several = batches[0], batches[1]
    yield from _malformed(several)
    yield from _another_record(several)
    yield from _elsewhere(several)
    yield _case(single, 0, "algorithm of another key", "signature-invalid", envelope=_put(_raw(single, 0), 2, b"\x02"))
    yield _case(single, 0, "key null, not empty", "signature-invalid", key=b"")
    yield _case(several, 3, "key empty, not null", "signature-invalid", key=None)
    yield _case(several, 0, "chain of another key", "certificate-unknown", chain="ed25519")
    raw = _raw(several, 0)
    yield _case(several, 0, "signature flipped", "signature-invalid", envelope=raw[:-1] + _flip(raw[-1:]))
    yield _case(several, 0, "signed by another key", "signature-invalid", envelope=_forged(several, 0))


def _malformed(batch: Case) -> Iterator[Case]:
    raw = _raw(batch, 1)
    head = len(head_bytes(raw))
    proof = raw[head:]
    changes = {
        "empty": b"",
        "version 0": _put(raw, 0, b"\x00"),
        "version 2": _put(raw, 0, b"\x02"),
        "unknown flag": _put(raw, 1, b"\x02"),
        "flag sealed without the key's hash": _put(raw, 1, b"\x01"),
        "algorithm 0": _put(raw, 2, b"\x00"),
        "algorithm 4": _put(raw, 2, b"\x04"),
        "head alone": raw[:head],
        "cut in the head": raw[: head - 1],
        "cut in the path": raw[: head + 9 + 40],
        "cut in the signature": raw[:-1],
        "a byte behind it": raw + b"\x00",
        "tree of 0": raw[:head] + _replace(proof, _SIZE, bytes(4)),
        "tree of 1,025": raw[:head] + _replace(proof, _SIZE, (1_025).to_bytes(4, "big")),
        "leaf behind the last": raw[:head] + _replace(proof, _INDEX, (7).to_bytes(4, "big")),
        "path with a hash too many": raw[:head] + _replace(proof, _COUNT, b"\x04")[:9] + bytes(32) + proof[9:],
        "path with a hash too few": raw[:head] + _replace(proof, _COUNT, b"\x02")[:9] + proof[41:],
        "no signature": raw[: head + 9 + 96] + b"\x00\x00",
        "signature of 513 bytes": raw[: head + 9 + 96] + b"\x02\x01" + bytes(513),
    }
    for name, envelope in changes.items():
        yield _case(batch, 1, name, "envelope-malformed", envelope=envelope)
    yield _case(batch, 1, "salt of 15 bytes", "envelope-malformed", salt=batch["records"][1]["salt"][:-1])


def _another_record(batch: Case) -> Iterator[Case]:
    wrong = "signature-invalid"
    raw, record = _raw(batch, 4), batch["records"][4]
    yield _case(batch, 4, "envelope of its neighbour", wrong, envelope=_raw(batch, 1))
    yield _case(batch, 4, "another salt", wrong, salt=batch["records"][1]["salt"])
    yield _case(batch, 4, "another key", wrong, key=b"l")
    yield _case(batch, 4, "another value", wrong, value=record["value"] + b"!")
    yield _case(batch, 4, "tombstone", wrong, value=None)
    yield _case(batch, 4, "header removed", wrong, headers=record["headers"][1:])
    yield _case(batch, 4, "identity header removed", wrong, headers=record["headers"][:1])
    yield _case(batch, 4, "headers in another order", wrong, headers=record["headers"][::-1])
    yield _case(batch, 4, "header added", wrong, headers=[*record["headers"], ["x", b""]])
    yield _case(batch, 2, "header null, not empty", wrong, headers=[["a", b"1"], ["a", b"2"], ["b", None]])
    yield _case(batch, 4, "another stream", wrong, envelope=_put(raw, 35, _flip(raw[35:36])))
    yield _case(batch, 4, "another sequence", wrong, envelope=_put(raw, 58, _flip(raw[58:59])))
    yield _case(batch, 4, "another time", wrong, envelope=_put(raw, 66, _flip(raw[66:67])))
    yield _case(batch, 4, "another leaf's place", wrong, envelope=_put(raw, 74, b"\x03"))


def _elsewhere(batch: Case) -> Iterator[Case]:
    wrong = "signature-invalid"
    yield _case(batch, 0, "another partition", wrong, partition=1)
    yield _case(batch, 0, "topic made again", wrong, topic_id=bytes(16))
    yield _case(batch, 0, "another cluster", wrong, cluster="AAAAAAAAAAAAAAAAAAAAAA")
    yield _case(batch, 0, "another principal's topic", "principal-mismatch", principal="refunds")


def _forged(batch: Case, index: int) -> bytes:
    """What somebody can make who has everything but the private key: all of it, signed with a key of their own."""
    key = material.key("p256-forger")
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    signature = key.sign(batch["signed"], ec.ECDSA(SHA256(), deterministic_signing=True))
    whole = _raw(batch, index).removesuffix(batch["signature"])[:-2]
    return whole + len(signature).to_bytes(2, "big") + signature


def _case(batch: Case, index: int, name: str, expect: str, **changes: object) -> Case:
    record = {name: batch["records"][index][name] for name in ("key", "value", "headers", "salt", "envelope")}
    shared = {name: batch[name] for name in ("cluster", "topic_id", "principal", "chain")}
    partition = batch["records"][index]["partition"]
    return {"name": name, "expect": expect, **shared, "partition": partition, **record, **changes}


def _raw(batch: Case, index: int) -> bytes:
    raw: bytes = batch["records"][index]["envelope"]
    return raw


def _put(raw: bytes, at: int, part: bytes) -> bytes:
    return raw[:at] + part + raw[at + len(part) :]


def _replace(raw: bytes, where: slice, part: bytes) -> bytes:
    return raw[: where.start] + part + raw[where.stop :]


def _flip(part: bytes) -> bytes:
    return bytes([part[0] ^ 1])
