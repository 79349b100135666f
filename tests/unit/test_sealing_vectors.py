"""Sealing as docs/envelope.md has it, to the byte."""

import hashlib
from typing import Any

import pytest

from pipeline.identity.envelope import parse
from pipeline.identity.sealing import (
    Scope,
    SealError,
    parse_sealed_key,
    seal,
    sealed_key_hash,
    unseal,
    unwrap_data_key,
    wrap_data_key,
)
from pipeline.identity.sealing_keys import (
    Kem,
    PrivateKey,
    SealKeyError,
    key_id,
    private_key,
    private_text,
    public_text,
    read_private,
    read_public,
)
from tests.vectors.envelope.reading import octets, place, read, verdict

Case = dict[str, Any]
DOCUMENT = read("sealed")
RECIPIENTS = {each["name"]: each for each in DOCUMENT["recipients"]}
RECORDS = [{**batch, **record} for batch in DOCUMENT["batches"] for record in batch["records"]]


def opener(name: str) -> PrivateKey:
    return read_private(RECIPIENTS[name]["private"])


def scope(case: Case) -> Scope:
    topic_id, stream = bytes.fromhex(case["topic_id"]), bytes.fromhex(case["stream"])
    return Scope(case["cluster"], topic_id, case["principal"], stream, case["hour"])


def opened(case: Case) -> tuple[bytes | None, bytes | None]:
    """Header to record, as a worker does it."""
    head, sealed = parse(bytes.fromhex(case["envelope"])).head, parse_sealed_key(bytes.fromhex(case["sealed_key"]))
    data_key = unwrap_data_key(sealed, opener(case["recipient"]), scope(case))
    return unseal(data_key, place(case), case["principal"], head, octets(case["key"]), octets(case["value"]))


@pytest.mark.parametrize("name", RECIPIENTS)
def test_keys_and_their_texts_are_pinned(name: str) -> None:
    vector = RECIPIENTS[name]
    private = private_key(Kem(vector["kem"]), bytes.fromhex(vector["seed"]))
    assert private_text(private.kem, bytes.fromhex(vector["seed"])) == vector["private"]
    assert public_text(private.public) == public_text(read_public(vector["public"] + "\n")) == vector["public"]
    assert key_id(private.public).hex() == key_id(opener(name).public).hex() == vector["key_id"]


def test_x_wing_expands_its_seed_as_its_draft_does() -> None:
    """The first test vector of draft-connolly-cfrg-xwing-kem, by both ends of its public key."""
    seed = bytes.fromhex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")
    raw = private_key(Kem.MLKEM768_X25519, seed).public.raw.hex()
    assert raw.startswith("e2236b35a8c24b39b10aa1323a96a919a2ced884")
    assert raw.endswith("4570216223593d4ba32d9abac8cd049040ef6534")


@pytest.mark.parametrize("case", DOCUMENT["batches"], ids=lambda case: case["name"])
def test_a_data_key_opens_and_is_wrapped_anew_each_time(case: Case) -> None:
    header, data_key = bytes.fromhex(case["sealed_key"]), bytes.fromhex(case["data_key"])
    private = opener(case["name"])
    assert scope(case).info().hex() == case["info"]
    assert parse_sealed_key(header).recipient == key_id(private.public)
    assert unwrap_data_key(parse_sealed_key(header), private, scope(case)) == data_key
    again = wrap_data_key(data_key, private.public, scope(case))
    assert again != header and unwrap_data_key(parse_sealed_key(again), private, scope(case)) == data_key


@pytest.mark.parametrize("case", RECORDS, ids=lambda case: case["name"])
def test_sealed_records_open_and_verify(case: Case) -> None:
    head, data_key = parse(bytes.fromhex(case["envelope"])).head, bytes.fromhex(case["data_key"])
    assert head.sealed_key == sealed_key_hash(bytes.fromhex(case["sealed_key"]))
    assert Scope.of(place(case), case["principal"], head) == scope(case)
    clear, written = (
        (octets(case["clear_key"]), octets(case["clear_value"])),
        (octets(case["key"]), octets(case["value"])),
    )
    assert seal(data_key, place(case), case["principal"], head, *clear) == written
    assert unseal(data_key, place(case), case["principal"], head, *written) == clear
    assert opened({**case, "recipient": case["name"]}) == clear and verdict(case) == "ok"


@pytest.mark.parametrize("case", DOCUMENT["bad"], ids=lambda case: f"{case['recipient']}-{case['name']}")
def test_what_is_changed_does_not_open(case: Case) -> None:
    with pytest.raises(SealError):
        opened(case)


def test_another_recipient_does_not_open_it() -> None:
    for case in DOCUMENT["batches"]:
        sealed = parse_sealed_key(bytes.fromhex(case["sealed_key"]))
        for kem in Kem:
            with pytest.raises(SealError):
                unwrap_data_key(sealed, private_key(kem, hashlib.sha256(b"another").digest()), scope(case))


def test_a_sealed_record_shows_nothing_of_its_number() -> None:
    case = RECORDS[0]
    assert b"4111111111111111" in bytes.fromhex(case["clear_value"])
    assert b"4111" not in bytes.fromhex(case["value"])


@pytest.mark.parametrize(
    "text",
    ["", "panlock-seal-key-v1:", "panlock-seal-key-v1:!", "panlock-seal-key-v1:ACAB", "panlock-seal-key-v2:ACAB"],
)
def test_text_that_is_no_key_is_refused_and_not_quoted(text: str) -> None:
    for reader in (read_public, read_private):
        with pytest.raises(SealKeyError) as raised:
            reader(text)
        assert "ACAB" not in str(raised.value)
