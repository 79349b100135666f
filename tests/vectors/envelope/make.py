"""Makes the vectors of docs/envelope.md: `python -m tests.vectors.envelope.make`; with --check, compares them.

Nothing in them is random but what RSA-PSS and HPKE make: that is taken over from the file while it holds.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID

from pipeline.identity.certificates import encode_chain
from pipeline.identity.envelope import Envelope, Head, Place, content_hash, encode, leaf_hash
from pipeline.identity.keys import algorithm_of
from pipeline.identity.merkle import root_and_paths
from pipeline.identity.signature import sign, signed_bytes, verify_signature
from tests.vectors.envelope import sealed
from tests.vectors.envelope.damage import damaged
from tests.vectors.envelope.material import BEGIN, DAY, END, HERE, authority, der, issue, key, pem

PRINCIPAL, CLUSTER = "checkout", "MkU3OEVBNTcwNTJENDM2Qg"
TOPIC = bytes(range(16))
NOW = int(BEGIN.timestamp() * 1_000) + 3_600_000
STREAM = bytes.fromhex("00112233445566778899aabbccddeeff")
NOTED = {"note": "Public test material. docs/envelope.md says what each field is; every byte string is in hex."}
RECORDS: list[dict[str, Any]] = [
    {"key": b"order-1", "value": b'{"amount":12.5}', "headers": [("panlock-identity", b"checkout"), ("trace", None)]},
    {"key": None, "value": b'{"card":{"number":"4111111111111111"}}', "headers": []},
    {"key": b"order-1", "value": None, "headers": [("a", b"1"), ("a", b"2"), ("b", b"")]},
    {"key": b"", "value": b"", "headers": [("größe", b"\x00\xff"), ("panlock-other", b"not counted")]},
    {"key": b"k", "value": bytes(range(256)), "headers": [("trace", b"x"), ("panlock-identity", b"checkout")]},
    {"key": None, "value": None, "headers": []},
    {"key": b"order-2", "value": b"{}", "headers": [("panlock-identity", None)]},
]


def batch(name: str, signer: str, count: int, before: dict[str, Any]) -> dict[str, Any]:
    """`count` records of one tree, on partitions 0 to 2, sequences from 0 on each."""
    certificate = issue(signer)
    algorithm = algorithm_of(certificate.public_key())
    assert algorithm is not None
    heads, records = [], []
    for number, record in enumerate(RECORDS[:count]):
        place = Place(CLUSTER, TOPIC, number % 3)
        head = Head(algorithm, hashlib.sha256(der(certificate)).digest(), STREAM, number // 3, NOW + number)
        salt = hashlib.sha256(f"{name} {number}".encode()).digest()[:16]
        content = content_hash(salt, **record)
        leaf = leaf_hash(place, PRINCIPAL, head.encode(), content)
        heads.append(head)
        records.append({**_plain(record), "partition": place.partition, "salt": salt, "content": content, "leaf": leaf})
    root, paths = root_and_paths([record["leaf"] for record in records])
    signature = _signature(signer, count, root, before.get(name, {}))
    for index, record in enumerate(records):
        record["envelope"] = encode(Envelope(heads[index], count, index, paths[index], signature))
        record["head"] = {
            "sequence": heads[index].sequence,
            "time": heads[index].time,
            "bytes": heads[index].encode(),
        }
    shared = {"cluster": CLUSTER, "topic_id": TOPIC, "principal": PRINCIPAL, "stream": STREAM, "chain": signer}
    signed = {"size": count, "root": root, "signed": signed_bytes(count, root), "signature": signature}
    return {"name": name, **shared, **signed, "records": records}


def _signature(signer: str, size: int, root: bytes, before: dict[str, Any]) -> bytes:
    private = key(signer)
    if isinstance(private, ec.EllipticCurvePrivateKey):  # RFC 6979: the same each time
        return private.sign(signed_bytes(size, root), ec.ECDSA(SHA256(), deterministic_signing=True))
    old, algorithm = bytes.fromhex(before.get("signature", "")), algorithm_of(private.public_key())
    assert algorithm is not None
    if verify_signature(private.public_key(), algorithm, size, root, old):
        return old
    return sign(private, size, root)


def _plain(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "headers": [list(header) for header in record["headers"]]}


def trees() -> Iterator[dict[str, Any]]:
    """Leaves are SHA-256(0x00 | the leaf's number, u32)."""
    for size in (1, 2, 3, 4, 5, 6, 7, 8, 13, 64, 100, 1_000, 1_023, 1_024):
        leaves = [hashlib.sha256(b"\x00" + number.to_bytes(4, "big")).digest() for number in range(size)]
        root, paths = root_and_paths(leaves)
        wanted = sorted({0, size // 3, size // 2, size - 1})
        yield {"size": size, "root": root, "paths": [{"index": each, "path": list(paths[each])} for each in wanted]}


def chains() -> dict[str, list[bytes]]:
    one, other = issue("ed25519"), issue("other-ca's", "stranger")
    middle, under = authority("middle", "root", path_length=0), issue("under", "middle")
    low = authority("low", "middle")
    uri = "spiffe://pay.example/refunds"
    alone = {
        "ed25519": one,
        "p256": issue("p256"),
        "rsa": issue("rsa"),
        "another-authority": other,
        "self-signed": issue("self-signed", None),
        "two-uris": issue("two-uris", uris=(uri, "spiffe://pay.example/checkout")),
        "no-uri": issue("no-uri", uris=()),
        "two-names": issue("two-names", common=("checkout", "refunds")),
        "no-signatures": issue("no-signatures", signs=False),
        "server-only": issue("server-only", purposes=(ExtendedKeyUsageOID.SERVER_AUTH,)),
        "any-purpose": issue("any-purpose", purposes=()),
        "unknown-critical": issue(
            "unknown-critical",
            extension=x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.57264.99"), b"\x05\x00"),
        ),
        "not-yet": issue("not-yet", begin=BEGIN + 300 * DAY),
        "expired": issue("expired", begin=BEGIN - DAY, end=BEGIN),
        "by-a-leaf": issue("by-a-leaf", "ed25519"),
    }
    found = {name: [der(certificate)] for name, certificate in alone.items()}
    found["by-a-leaf"].append(der(one))
    return found | {
        "with-root": [der(one), der(authority("root"))],
        "intermediate": [der(under), der(middle)],
        "intermediate-missing": [der(under)],
        "too-deep": [der(issue("deep", "low")), der(low), der(middle)],
        "no-authority": [der(issue("under-fake", "fake")), der(authority("fake", "root", ca=False))],
        "may-not-certify": [der(issue("under-mute", "mute")), der(authority("mute", "root", signs=False))],
        "wrong-order": [der(middle), der(under)],
        "not-a-certificate": [b"0\x03\x02\x01\x01"],
    }


CHECKS = {
    **dict.fromkeys(("ed25519", "p256", "rsa", "any-purpose", "with-root", "intermediate"), "ok"),
    **dict.fromkeys(("not-yet", "expired"), "certificate-expired"),
}


def certificates() -> dict[str, Any]:
    found = chains()
    return {
        **NOTED,
        "roots": [der(authority("root"))],
        "private_keys": {name: pem(name) for name in ("ed25519", "p256", "rsa")},
        "chains": {name: {"certificates": chain, "header": encode_chain(chain)} for name, chain in found.items()},
        "checks": [{"chain": name, "time": NOW, "expect": CHECKS.get(name, "certificate-invalid")} for name in found]
        + [{"chain": "ed25519", "time": int(END.timestamp() * 1_000) + 1, "expect": "certificate-expired"}],
    }


def documents() -> dict[str, dict[str, Any]]:
    old = HERE / "good.json"
    before = {each["name"]: each for each in json.loads(old.read_text())["batches"]} if old.exists() else {}
    shared = {"cluster": CLUSTER, "topic_id": TOPIC, "principal": PRINCIPAL, "stream": STREAM}
    batches = [
        batch("one record, Ed25519", "ed25519", 1, before),
        batch("seven records, P-256", "p256", 7, before),
        batch("three records, RSA-PSS", "rsa", 3, before),
        batch("six records, Ed25519", "ed25519", 6, before),
    ]
    return {
        "certificates": certificates(),
        "merkle": {**NOTED, "trees": list(trees())},
        "good": {**NOTED, "batches": batches},
        "bad": {**NOTED, "cases": list(damaged(batches))},
        "sealed": sealed.document(shared, [der(issue("ed25519"))], NOW, NOTED),
    }


def rendered(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False, default=bytes.hex) + "\n"


def main() -> int:
    different = 0
    for name, document in documents().items():
        path, text = HERE / f"{name}.json", rendered(document)
        if "--check" not in sys.argv:
            path.write_text(text)
        elif path.read_text() != text:
            different += 1
            print(f"{path.name}: not what the script makes", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
