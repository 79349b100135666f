"""Vectors of sealing. HPKE is random: wrapped data keys are taken over from the file while they open."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pipeline.identity.envelope import Place
from pipeline.identity.sealing import (
    HOUR_MS,
    Scope,
    SealError,
    parse_sealed_key,
    seal,
    sealed_key_hash,
    unwrap_data_key,
    wrap_data_key,
)
from pipeline.identity.sealing_keys import Kem, PrivateKey, key_id, private_key, private_text, public_text
from pipeline.identity.signer import Draft, Signer
from tests.vectors.envelope.material import HERE, key

Case = dict[str, Any]
SEEDS = {kem: hashlib.sha256(kem.name.encode()).digest() for kem in Kem}
RECORDS: list[tuple[int, bytes | None, bytes | None]] = [
    (0, b"order-1", b'{"card":{"number":"4111111111111111"}}'),
    (0, None, b"{}"),
    (1, b"order-1", None),
    (2**24 - 1, b"", b""),
]


def batch(kem: Kem, shared: Case, chain: list[bytes], now: int, before: Case) -> Case:
    """One sealed batch of `shared` (cluster, topic_id, principal, stream) by the key ed25519."""
    private, principal = private_key(kem, SEEDS[kem]), shared["principal"]
    scope = Scope(shared["cluster"], shared["topic_id"], principal, shared["stream"], now // HOUR_MS)
    data_key = hashlib.sha256(b"data key " + kem.name.encode()).digest()
    header = _wrapped(before.get(kem.name, ""), data_key, private, scope)
    signer = Signer(key("ed25519"), chain, principal)
    drafts, records = [], []
    for number, (partition, clear_key, clear_value) in enumerate(RECORDS):
        place = Place(shared["cluster"], shared["topic_id"], partition)
        salt = hashlib.sha256(f"sealed {number}".encode()).digest()[:16]
        draft = Draft(place, shared["stream"], number, now, salt, None, None, [("h", b"1")], sealed_key_hash(header))
        sealed = seal(data_key, place, principal, signer.head(draft), clear_key, clear_value)
        drafts.append(replace(draft, key=sealed[0], value=sealed[1]))
        clear = {"clear_key": clear_key, "clear_value": clear_value}
        records.append(
            {"partition": partition, **clear, "key": sealed[0], "value": sealed[1], "headers": draft.headers}
        )
    for record, added in zip(records, signer.sign_batch(drafts), strict=True):
        record |= {"salt": dict(added)["panlock-salt"], "envelope": dict(added)["panlock-envelope"]}
    scoped = {"hour": scope.hour, "info": scope.info(), "data_key": data_key, "sealed_key": header}
    return {"name": kem.name, **shared, "chain": "ed25519", **scoped, "records": records}


def recipients() -> list[Case]:
    found = []
    for kem, seed in SEEDS.items():
        public = private_key(kem, seed).public
        texts = {"public": public_text(public), "private": private_text(kem, seed)}
        found.append({"name": kem.name, "kem": kem.value, "seed": seed, "key_id": key_id(public), **texts})
    return found


def damaged(batches: list[Case]) -> Iterator[Case]:
    """A batch's header or first record with one thing changed; none opens."""
    for made in batches:
        header, record, shared = made["sealed_key"], made["records"][0], {"recipient": made["name"]}
        whole = {**shared, **{name: made[name] for name in ("cluster", "topic_id", "principal", "stream", "hour")}}
        whole |= {name: record[name] for name in ("key", "value", "envelope", "partition")} | {"sealed_key": header}
        changes: dict[str, Case] = {
            "header empty": {"sealed_key": b""},
            "header of version 2": {"sealed_key": b"\x02" + header[1:]},
            "unknown KEM": {"sealed_key": header[:1] + b"\x00\x21" + header[3:]},
            "header cut off": {"sealed_key": header[:-1]},
            "header with a byte behind it": {"sealed_key": header + b"\x00"},
            "encapsulated key altered": {"sealed_key": header[:40] + bytes([header[40] ^ 1]) + header[41:]},
            "data key altered": {"sealed_key": header[:-1] + bytes([header[-1] ^ 1])},
            "of the next hour": {"hour": made["hour"] + 1},
            "of another stream": {"stream": bytes(16)},
            "of another principal": {"principal": "refunds"},
            "of a topic made again": {"topic_id": bytes(16)},
            "of another cluster": {"cluster": "AAAAAAAAAAAAAAAAAAAAAA"},
            "of another partition": {"partition": 1},
            "value altered": {"value": bytes([record["value"][0] ^ 1]) + record["value"][1:]},
            "value cut off": {"value": record["value"][:15]},
            "key and value exchanged": {"key": record["value"], "value": record["key"]},
            "of the record before": {"envelope": made["records"][1]["envelope"]},
        }
        yield from ({"name": name, **whole, **change} for name, change in changes.items())


def document(shared: Case, chain: list[bytes], now: int, note: Case) -> Case:
    path = HERE / "sealed.json"
    before: Case = {}
    if path.exists():
        before = {each["name"]: each["sealed_key"] for each in json.loads(path.read_text())["batches"]}
    batches = [batch(kem, shared, chain, now, before) for kem in Kem]
    return {**note, "recipients": recipients(), "batches": batches, "bad": list(damaged(batches))}


def _wrapped(old: str, data_key: bytes, private: PrivateKey, scope: Scope) -> bytes:
    try:
        header = bytes.fromhex(old)
        if unwrap_data_key(parse_sealed_key(header), private, scope) == data_key:
            return header
    except SealError:
        pass
    return wrap_data_key(data_key, private.public, scope)
