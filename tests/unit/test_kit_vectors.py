"""The Python kit makes the vectors' bytes, and what it makes is read by Panlock, with which it shares no code."""

import hashlib
from typing import Any

import pytest
from cryptography import x509

from panlock_producer import Identity, IdentityError, Recipient, RecordError, codec
from panlock_producer.stream import REPEAT_MS, Signed, Stream, Unsigned, check
from pipeline.identity.certificates import parse_chain
from pipeline.identity.envelope import Place, content_hash, parse
from pipeline.identity.sealing import Scope, parse_sealed_key, sealed_key_hash, unseal, unwrap_data_key
from pipeline.identity.sealing_keys import read_private
from pipeline.identity.signature import verify_envelope
from tests.vectors.envelope.material import authority, issue, key
from tests.vectors.envelope.reading import certificate, headers, octets, read

Case = dict[str, Any]
BATCHES = read("good")["batches"]
RECIPIENTS = read("sealed")["recipients"]
NOW = read("certificates")["checks"][0]["time"]
PLACE = codec.Place("cluster", bytes(16), 5)


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: batch["name"])
def test_the_kit_makes_the_bytes_of_the_vectors(batch: Case) -> None:
    leaves, heads = [], []
    for record in batch["records"]:
        place = codec.Place(batch["cluster"], bytes.fromhex(batch["topic_id"]), record["partition"])
        raw = bytes.fromhex(record["envelope"])
        start = codec.head(
            raw[2], raw[3:35], bytes.fromhex(batch["stream"]), record["head"]["sequence"], record["head"]["time"], b""
        )
        assert start.hex() == record["head"]["bytes"]
        counted = [each for each in headers(record) if each[0] != "panlock-other"]
        content = codec.content_hash(
            bytes.fromhex(record["salt"]), octets(record["key"]), octets(record["value"]), counted
        )
        assert content.hex() == record["content"]
        leaves.append(codec.leaf_hash(codec.associated_data(place, batch["principal"], start), content))
        assert leaves[-1].hex() == record["leaf"]
        heads.append(start)
    root, paths = codec.tree(leaves)
    assert codec.signed_bytes(len(leaves), root).hex() == batch["signed"]
    for index, record in enumerate(batch["records"]):
        made = codec.envelope(heads[index], len(leaves), index, paths[index], bytes.fromhex(batch["signature"]))
        assert made.hex() == record["envelope"]


@pytest.mark.parametrize("tree", read("merkle")["trees"], ids=lambda tree: str(tree["size"]))
def test_the_kits_trees_are_those_of_the_vectors(tree: Case) -> None:
    root, paths = codec.tree(
        [hashlib.sha256(b"\x00" + each.to_bytes(4, "big")).digest() for each in range(tree["size"])]
    )
    assert root.hex() == tree["root"]
    for each in tree["paths"]:
        assert paths[each["index"]].hex() == "".join(each["path"])


def identity(name: str = "ed25519") -> Identity:
    return Identity([issue(name)], key(name))


def stream(recipient: Case | None = None, now: int = NOW, name: str = "ed25519") -> Stream:
    return Stream(identity(name), recipient and Recipient(recipient["public"]), now=lambda: now)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["ed25519", "p256", "rsa"])
def test_panlock_verifies_what_the_kit_signs(name: str) -> None:
    places = [PLACE, PLACE._replace(partition=6), PLACE]
    records = [Unsigned(place, b"k", b"v%d" % at, [("h", None)]) for at, place in enumerate(places)]
    signed = stream(name=name).sign(records)
    for each in signed:
        added = dict(each.headers)
        raw, salt = added["panlock-envelope"], added["panlock-salt"]
        assert raw is not None and salt is not None
        content = content_hash(salt, each.key, each.value, each.headers)
        assert verify_envelope(parse(raw), certificate(name, NOW), Place(*each.place), "checkout", content) is None
        assert parse_chain(added["panlock-certificates"] or b"")[0] == _der(name)
        assert added["panlock-identity"] == b"checkout"
    assert [parse(_envelope(each)).head.sequence for each in signed] == [0, 0, 1]
    assert len({dict(each.headers)["panlock-salt"] for each in signed}) == 3


@pytest.mark.parametrize("recipient", RECIPIENTS, ids=lambda each: each["name"])
def test_panlock_opens_what_the_kit_seals(recipient: Case) -> None:
    one = stream(recipient)
    records = [Unsigned(PLACE, b"k", b"4111111111111111"), Unsigned(PLACE, None, b""), Unsigned(PLACE, b"k", None)]
    for record, each in zip(records, one.sign(records), strict=True):
        head, added = parse(_envelope(each)).head, dict(each.headers)
        header = added["panlock-sealed-key"] or b""
        assert head.sealed_key == sealed_key_hash(header) and head.stream == one.id
        scope = Scope.of(Place(*each.place), "checkout", head)
        data_key = unwrap_data_key(parse_sealed_key(header), read_private(recipient["private"]), scope)
        opened = unseal(data_key, Place(*each.place), "checkout", head, each.key, each.value)
        assert opened == (record.key, record.value)
        assert b"4111" not in (each.value or b"")
        content = content_hash(added["panlock-salt"] or b"", each.key, each.value, each.headers)
        known = certificate("ed25519", NOW)
        assert verify_envelope(parse(_envelope(each)), known, Place(*each.place), "checkout", content) is None


def test_chain_and_data_key_go_along_until_one_is_delivered_and_again_later() -> None:
    times = iter([0, 1, 2, 3, REPEAT_MS + 3, REPEAT_MS + 4])
    one = Stream(identity(), Recipient(RECIPIENTS[0]["public"]), now=lambda: NOW + next(times))

    def carried() -> Signed:
        return one.sign([Unsigned(PLACE, None, b"v")])[0]

    first, second = carried(), carried()
    assert _brought(first) == _brought(second) == {"panlock-certificates", "panlock-sealed-key"}
    one.delivered(second)
    third = carried()
    assert _brought(third) == set()
    one.delivered(third)
    one.failed(third)
    fourth = carried()
    assert _brought(fourth) == _brought(first)
    one.delivered(fourth)
    fifth = carried()
    assert _brought(fifth) == _brought(first), "10 minutes later"
    one.delivered(fifth)
    assert _brought(carried()) == set()


def test_a_new_hour_has_a_new_data_key_and_a_new_certificate_goes_along() -> None:
    clock = [NOW]
    one = Stream(identity(), Recipient(RECIPIENTS[0]["public"]), now=lambda: clock[0])
    first = one.sign([Unsigned(PLACE, None, b"v")])[0]
    one.delivered(first)
    clock[0] += 60_000
    one.renew(identity("p256"))
    second = one.sign([Unsigned(PLACE, None, b"v")])[0]
    assert _brought(second) == {"panlock-certificates"}
    one.delivered(second)
    clock[0] += 3_600_000 - 60_000
    third = one.sign([Unsigned(PLACE, None, b"v")])[0]
    assert "panlock-sealed-key" in _brought(third)
    assert parse(_envelope(third)).head.sealed_key != parse(_envelope(second)).head.sealed_key
    assert parse(_envelope(third)).head.sequence == 2


def test_another_key_of_the_workers_has_another_data_key_that_goes_along() -> None:
    one = stream(RECIPIENTS[0])
    first = one.sign([Unsigned(PLACE, None, b"v")])[0]
    one.delivered(first)
    one.reseal(Recipient(RECIPIENTS[1]["public"]))
    second = one.sign([Unsigned(PLACE, None, b"v")])[0]
    assert _brought(second) == {"panlock-sealed-key"}
    header = dict(second.headers)["panlock-sealed-key"] or b""
    assert parse_sealed_key(header).recipient.hex() == RECIPIENTS[1]["key_id"]
    head = parse(_envelope(second)).head
    scope = Scope.of(Place(*PLACE), "checkout", head)
    data_key = unwrap_data_key(parse_sealed_key(header), read_private(RECIPIENTS[1]["private"]), scope)
    assert unseal(data_key, Place(*PLACE), "checkout", head, second.key, second.value) == (None, b"v")


def test_another_principals_certificate_is_no_renewal() -> None:
    other = Identity([issue("other", common=("refunds",))], key("other"))
    with pytest.raises(RecordError):
        stream().renew(other)


@pytest.mark.parametrize(
    "record",
    [
        Unsigned(PLACE, None, b"v", [("panlock-identity", b"refunds")]),
        Unsigned(PLACE, None, "text"),  # type: ignore[arg-type]
        Unsigned(PLACE, 7, b"v"),  # type: ignore[arg-type]
        Unsigned(PLACE, None, b"v", [("h", "text")]),  # type: ignore[list-item]
        Unsigned(PLACE, None, b"v", [("\ud800", b"")]),
    ],
)
def test_a_record_that_cannot_be_signed_is_refused_alone(record: Unsigned) -> None:
    with pytest.raises(RecordError):
        check(record)


def test_a_partition_that_no_nonce_holds_is_refused() -> None:
    with pytest.raises(RecordError):
        stream(RECIPIENTS[0]).sign([Unsigned(PLACE._replace(partition=2**24), None, b"v")])


def test_a_key_of_another_certificate_is_refused() -> None:
    with pytest.raises(IdentityError):
        Identity([issue("ed25519")], key("p256"))
    with pytest.raises(IdentityError):
        Identity([authority("root")] * 5, key("root"))


@pytest.mark.parametrize("line", ["", "panlock-seal-key-v1:AAAA", "panlock-seal-private-v1:ACAB"])
def test_a_line_that_is_no_public_key_is_refused(line: str) -> None:
    with pytest.raises(IdentityError):
        Recipient(line)


def _der(name: str) -> bytes:
    return bytes.fromhex(read("certificates")["chains"][name]["certificates"][0])


def _envelope(signed: Signed) -> bytes:
    return dict(signed.headers)["panlock-envelope"] or b""


def _brought(signed: Signed) -> set[str]:
    return {name for name, _ in signed.headers} & {"panlock-certificates", "panlock-sealed-key"}


def test_the_vectors_certificates_are_those_of_the_material() -> None:
    assert x509.load_der_x509_certificate(_der("p256")) == issue("p256")
