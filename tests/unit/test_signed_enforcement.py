"""Signed and sealed records, from the quarantine topic to effects, without Kafka."""

import os
import time
import uuid
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest
from cryptography import x509
from panlock_kernel import Keyring

from deploy.dev.ca import Credentials, DevelopmentCA
from pipeline.approval.decision import Denial, sign_message
from pipeline.attest import known
from pipeline.enforce import Enforced, enforce
from pipeline.identity import verifier
from pipeline.identity.certificates import check_chain
from pipeline.identity.envelope import ENVELOPE, PRIVATE, SALT, Place, parse
from pipeline.identity.sealing_keys import Kem, key_id, private_key
from pipeline.identity.signature import verify_envelope
from pipeline.identity.verifier import Verifier
from pipeline.opening import opened
from pipeline.policy.models import Denied
from pipeline.policy.topics import AUDIT, DECISIONS
from pipeline.record import Reason, Unreadable
from pipeline.source import sources
from tests.lane import KEYS, NOW, MemoryLane, fetched, jwk
from tests.signing import Pod, Written

POLICY = f"""
version: 1
lanes: 1
principals:
  checkout: {{spiffe: spiffe://dev.panlock/checkout, identity: signed}}
  refunds: {{spiffe: spiffe://dev.panlock/refunds, identity: signed}}
people:
  ana@pay.example: {{certificate: ana, roles: [approvers], keys: [{jwk("ana")}]}}
  ops@pay.example: {{certificate: opal, roles: [operators], keys: [{jwk("ops")}]}}
flows:
  payments:
    producers: [checkout, refunds]
    partitions: 1
    quarantine: clear
    fields: [{{path: $.card, class: pan, strategy: token}}]
    hold:
      - {{id: large, when: 'has(record.amount) && record.amount > 5.0', reason: a test, approvers: [approvers]}}
  sealed:
    producers: [checkout]
    partitions: 1
    quarantine: sealed
    fields: [{{path: $.card, class: pan, strategy: token}}]
"""
TOPIC, REFUNDS, SEALED = "quarantine.payments.checkout", "quarantine.payments.refunds", "quarantine.sealed.checkout"
IDS = {TOPIC: bytes(16), REFUNDS: bytes([1]) * 16, SEALED: bytes([2]) * 16}
PLACES = {topic: Place("cluster", uuid, 0) for topic, uuid in IDS.items()}
WORKER = private_key(Kem.MLKEM768_X25519, bytes(32))
MINUTE = 60_000
WINDOW = 15 * MINUTE
CARD = b'{"card":"4111111111111111"}'


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> DevelopmentCA:
    return DevelopmentCA(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def checkout(ca: DevelopmentCA) -> Credentials:
    return ca.issue("checkout")


class SignedLane(MemoryLane):
    """`now`: the broker's time of what comes next; certificates of the development CA are valid as of today."""

    def __init__(self, ca: DevelopmentCA) -> None:
        self.ca, self.now = ca, int(time.time() * 1000)
        super().__init__(POLICY)
        self.restart()

    def restart(self) -> None:
        """Another worker: it knows what the lane's state holds, and nothing else."""
        roots = x509.load_pem_x509_certificates(self.ca.certificate.read_bytes())
        made = Verifier(roots, {key_id(WORKER.public): WORKER})
        made.remember(*known(self.state))
        ids = dict.fromkeys((*IDS, DECISIONS), "uuid")
        keyring = Keyring({"k1": bytes(32)}, "k1")
        found = sources(self.policy, keyring, verifier=made)
        self.context = replace(self.context, topic_ids=ids, sources=found)

    def bring(self, written: Sequence[Written], topic: str = TOPIC, place: Place | None = None) -> list[dict[str, Any]]:
        """One chunk; returns its events."""
        start = self.offsets.get(topic, 0)
        self.offsets[topic] = end = start + len(written)
        chunk = [fetched(start + n, self.now, *each) for n, each in enumerate(written)]
        before = len(self.events())
        self.batch([self.enforced(topic, chunk, end, place)], self.now)
        return self.events()[before:]

    def enforced(self, topic: str, chunk: list[Any], end: int, place: Place | None = None) -> Enforced:
        return enforce(self.context.sources[topic], 0, chunk, end, place or PLACES[topic])

    def reasons(self, written: Sequence[Written], topic: str = TOPIC, place: Place | None = None) -> list[str | None]:
        """Of each record: why it was rejected, None where it was not."""
        events = self.bring(written, topic, place)
        return [each.get("reason") for each in events if each["type"].startswith("record.")]

    def deny(self, kind: str, value: str, effect: str = "deny", name: str = "ops", **more: Any) -> list[dict[str, Any]]:
        before = len(self.events())
        said = {"jti": f"a{uuid.uuid4().hex}", "iat": self.now // 1000, **more}
        message = Denial("cluster", 0, kind, value, effect, "stolen", **said)
        self.messages(sign_message(KEYS[name], message), at=self.now)
        return self.events()[before:]


@pytest.fixture
def lane(ca: DevelopmentCA) -> SignedLane:
    return SignedLane(ca)


def test_an_opened_lane_tells_the_uuids_that_signatures_cover(lane: SignedLane) -> None:
    known = dict.fromkeys((TOPIC, REFUNDS, DECISIONS), "uuid")  # the third has no partition of this lane
    effects = opened(lane.state, replace(lane.context, topic_ids=known), NOW, {}, None)
    event = orjson.loads(effects.sends[AUDIT, 0][0].value or b"")
    assert (event["type"], event["topics"]) == ("lane.opened", dict.fromkeys((TOPIC, REFUNDS), "uuid"))


def pod(checkout: Credentials, sealed: bool = False) -> Pod:
    return Pod("checkout", checkout, WORKER.public if sealed else None)


def write(lane: SignedLane, pod: Pod, count: int = 1, topic: str = TOPIC, **more: Any) -> list[Written]:
    return pod.write(PLACES[topic], lane.now, *[(b"k%d" % n, CARD) for n in range(count)], **more)


def changed(written: Written, name: str, content: bytes | None) -> Written:
    return (*written[:2], tuple((each, content if each == name else old) for each, old in written[2]))


def without(written: Written, *names: str) -> Written:
    return (*written[:2], tuple(each for each in written[2] if each[0] not in names))


@pytest.mark.parametrize("sealed", [False, True])
def test_a_signed_record_is_released_masked_and_provable_from_its_events_alone(
    lane: SignedLane, checkout: Credentials, sealed: bool
) -> None:
    producer, topic = pod(checkout, sealed), SEALED if sealed else TOPIC
    seen, *released = lane.bring(write(lane, producer, 3, topic, headers=(("trace", b"1"),)), topic)
    assert (seen["type"], seen["actor"]) == ("certificate.seen", {"principal": "checkout", "certificate": producer.x5t})
    outs = lane.out["clean.sealed" if sealed else "clean.payments"]
    assert [out.key for out in outs] == [b"k0", b"k1", b"k2"] and all(b"tok_k1_" in (out.value or b"") for out in outs)
    assert all(dict(out.headers)["trace"] == b"1" and not PRIVATE & dict(out.headers).keys() for out in outs)
    chain = [b64decode(der) for der in seen["certificate"]["chain"]]
    roots = x509.load_pem_x509_certificates(lane.ca.certificate.read_bytes())
    certificate = check_chain(chain, roots, lane.now)
    for event in released:
        assert event["type"] == "record.released" and event["actor"]["certificate"] == producer.x5t
        envelope = parse(b64decode(event["envelope"]))
        content = bytes.fromhex(event["content"])
        assert verify_envelope(envelope, certificate, PLACES[topic], "checkout", content) is None  # type: ignore[arg-type]


def test_a_held_record_keeps_its_proof_until_the_end(lane: SignedLane, checkout: Credentials) -> None:
    (written,) = pod(checkout).write(PLACES[TOPIC], lane.now, (b"k", b'{"amount":9}'))
    *_, held = lane.bring([written])
    lane.messages(lane.sign("ana"), at=lane.now + 1)
    released = lane.events()[-1]
    assert (held["type"], released["type"]) == ("record.held", "record.released")
    for name in ("content", "envelope", "actor"):
        assert released[name] == held[name]


REFUSALS = {
    "envelope-missing": lambda written: without(written, ENVELOPE),
    "envelope-duplicate": lambda written: (*written[:2], (*written[2], (ENVELOPE, dict(written[2])[ENVELOPE]))),
    "envelope-malformed": lambda written: changed(written, ENVELOPE, (dict(written[2])[ENVELOPE] or b"") + b"\0"),
    "signature-invalid": lambda written: (written[0], b"{}", written[2]),
    "identity-mismatch": lambda written: (*written[:2], (*written[2], ("panlock-identity", b"refunds"))),
    "certificate-unknown": lambda written: without(written, "panlock-certificates"),
    "invalid-utf8": lambda written: (*written[:2], (*written[2], ("x-trace-\udcff", b""))),
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_what_was_changed_is_refused_alone(lane: SignedLane, checkout: Credentials, reason: str) -> None:
    (written,) = write(lane, pod(checkout))
    unknown = pod(lane.ca.issue("checkout", stem=f"other-{reason}"))
    spoiled = REFUSALS[reason](write(lane, unknown)[0] if reason == "certificate-unknown" else written)
    (good,) = write(lane, pod(checkout))
    assert lane.reasons([spoiled, good]) == [reason, None]
    refused = next(each for each in lane.events() if each.get("reason") == reason)
    assert "certificate" not in refused["actor"] and "envelope" not in refused


def test_no_bit_of_salt_key_value_or_header_can_be_flipped(lane: SignedLane, checkout: Credentials) -> None:
    (written,) = pod(checkout).write(PLACES[TOPIC], lane.now, (b"k", b"{}"), headers=(("h", b"x"),))
    key, value, headers = written
    flipped = [(b"l", value, headers), (None, value, headers), (key, None, headers), (key, b"{]", headers)]
    flipped += [(key, value, (("g", b"x"), *headers[1:])), (key, value, (("h", None), *headers[1:]))]
    flipped += [(key, value, headers[1:]), changed(written, SALT, bytes(16))]
    assert lane.reasons(flipped) == ["signature-invalid"] * len(flipped)


@pytest.mark.parametrize(
    "place",
    [Place("other", IDS[TOPIC], 0), Place("cluster", IDS[REFUNDS], 0), Place("cluster", IDS[TOPIC], 1)],
    ids=["cluster", "topic", "partition"],
)
def test_a_record_of_another_place_is_refused(lane: SignedLane, checkout: Credentials, place: Place) -> None:
    assert lane.reasons(pod(checkout).write(place, lane.now, (b"k", CARD))) == ["signature-invalid"]


def test_certificates_of_others_are_refused(lane: SignedLane, ca: DevelopmentCA, tmp_path: Any) -> None:
    strange = DevelopmentCA(tmp_path).issue("checkout")
    assert lane.reasons(write(lane, Pod("checkout", strange))) == ["certificate-invalid"]
    other = Pod("checkout", ca.issue("refunds"))
    assert lane.reasons(write(lane, other)) == ["principal-mismatch"]
    spiffe = Pod("checkout", ca.issue("checkout", "spiffe://dev.panlock/other", stem="spiffe"))
    assert lane.reasons(write(lane, spiffe)) == ["principal-mismatch"]


def test_times_outside_window_and_certificate_are_refused(lane: SignedLane, checkout: Credentials) -> None:
    producer, now = pod(checkout), lane.now
    early, late = (producer.write(PLACES[TOPIC], now + by, (b"k", CARD)) for by in (-WINDOW - 1, WINDOW + 1))
    edges = [producer.write(PLACES[TOPIC], now + by, (b"k", CARD))[0] for by in (-WINDOW, WINDOW)]
    assert lane.reasons(early + late + edges) == ["envelope-stale", "envelope-stale", None, None]
    lane.now += 25 * 60 * MINUTE
    assert lane.reasons(write(lane, producer)) == ["certificate-expired"]


def test_sealed_flows_take_sealed_records_alone_and_open_no_others(lane: SignedLane, checkout: Credentials) -> None:
    assert lane.reasons(write(lane, pod(checkout), topic=SEALED), SEALED) == ["seal-required"]
    stranger = Pod("checkout", checkout, private_key(Kem.X25519, bytes([9]) * 32).public)
    assert lane.reasons(write(lane, stranger, topic=SEALED), SEALED) == ["seal-key-unknown"]
    producer = pod(checkout, sealed=True)
    no_key = without(write(lane, producer, topic=SEALED)[0], "panlock-sealed-key")
    assert lane.reasons([no_key], SEALED) == ["seal-key-unknown"]
    assert lane.reasons(write(lane, producer, topic=SEALED), SEALED) == [None]
    liar = _Liar("checkout", checkout, WORKER.public)
    assert lane.reasons(write(lane, liar, topic=SEALED), SEALED) == ["seal-invalid"]
    assert lane.reasons(write(lane, pod(checkout, sealed=True)), TOPIC) == [None]  # sealed where it need not be


@pytest.mark.parametrize("first", [False, True])
def test_a_data_key_that_another_stream_brings_is_spoilt_for_nobody(
    lane: SignedLane, checkout: Credentials, first: bool
) -> None:
    """A pod of the same principal names the data key of another, and brings it, under its own stream."""
    victim = pod(checkout, sealed=True)
    written = write(lane, victim, topic=SEALED)
    stolen = []
    for _ in range(20):
        thief = pod(checkout, sealed=True)
        thief._data_keys = {scope: (os.urandom(32), header) for scope, (_, header) in victim._data_keys.items()}
        stolen += write(lane, thief, topic=SEALED)
    refused = ["seal-invalid"] * 20
    assert lane.reasons(stolen + written if first else written + stolen, SEALED) == (
        [*refused, None] if first else [None, *refused]
    )
    assert lane.reasons(write(lane, victim, topic=SEALED, carry=False), SEALED) == [None]
    lane.restart()
    assert lane.reasons(stolen, SEALED) == ["seal-invalid"] * 20
    assert lane.reasons(write(lane, victim, topic=SEALED, carry=False), SEALED) == [None]


class _Liar(Pod):
    """Seals with another data key than the one it wraps."""

    def _data_key(self, place: Place, time: int) -> tuple[bytes, bytes]:
        return bytes(32), super()._data_key(place, time)[1]


def test_replays_are_refused_also_after_a_restart_and_pods_do_not_meet(lane: SignedLane, checkout: Credentials) -> None:
    one, two = pod(checkout), pod(checkout)
    first, second = write(lane, one, 3), write(lane, two, 3)
    assert lane.reasons([first[0], second[0], first[1], second[1]]) == [None] * 4
    assert lane.reasons([first[1], first[2], second[2], second[0]]) == ["replayed", None, None, "replayed"]
    lane.restart()
    assert lane.reasons([*first, *second]) == ["replayed"] * 6
    assert lane.reasons(write(lane, one, carry=False)) == [None]  # known from the state
    event = next(each for each in lane.events() if each.get("reason") == "replayed")
    assert event["actor"]["certificate"] == one.x5t and event["envelope"]


def test_what_is_read_again_after_a_crash_is_no_replay(lane: SignedLane, checkout: Credentials) -> None:
    written = write(lane, pod(checkout), 4)
    lane.bring(written[:2])
    lane.offsets[TOPIC] = 0
    events = [each for each in lane.bring(written) if each["type"].startswith("record.")]
    assert [each["resource"]["record"].rsplit("/")[-1] for each in events] == ["2", "3"]
    assert [each["type"] for each in events] == ["record.released"] * 2


def test_late_ones_within_the_window_pass_and_gaps_are_told(lane: SignedLane, checkout: Credentials) -> None:
    producer = pod(checkout)
    written = write(lane, producer, 515) + write(lane, producer, 515)
    lane.bring(written[:1])
    events = lane.bring([written[1_029]])
    (gap,) = [each for each in events if each["type"] == "sequence.gap"]
    assert gap["missing"] == {"from": "1", "to": "1028", "records": "1028"}
    assert lane.reasons([written[6], written[5], written[1_000], written[6]]) == [None, "replayed", None, "replayed"]


def test_marks_go_when_nothing_they_saw_could_be_accepted(lane: SignedLane, checkout: Credentials) -> None:
    pods = [pod(checkout) for _ in range(40)]
    first = [write(lane, each)[0] for each in pods]
    lane.bring(first)
    lane.now += WINDOW + 1
    assert lane.reasons(first[:1]) == ["envelope-stale"]
    for _ in range(3):
        lane.now += WINDOW
        lane.bring([write(lane, pod(checkout))[0] for _ in range(100)])
    marks = {key.rsplit(b"/", 1)[1].decode() for key in lane.state.keys(b"mark/", 10_000)}
    assert not marks & {each.stream.hex() for each in pods}
    assert lane.reasons(first) == ["envelope-stale"] * 40


@pytest.mark.parametrize("kind", ["certificate", "serial", "principal"])
def test_a_denial_takes_effect_between_two_records_and_can_be_taken_back(
    lane: SignedLane, checkout: Credentials, ca: DevelopmentCA, kind: str
) -> None:
    producer, other = pod(checkout), Pod("checkout", ca.issue("checkout", stem="rotated"))
    value = {"certificate": producer.x5t, "serial": producer.serial, "principal": "checkout"}[kind]
    assert lane.reasons(write(lane, producer) + write(lane, other)) == [None, None]
    (event,) = lane.deny(kind, value)
    assert (event["type"], event["denied"], event["actor"]) == (
        "identity.denied", {kind: value}, {"person": "ops@pay.example"}
    )  # fmt: skip
    denied = "certificate-denied"
    expected = [denied, denied if kind == "principal" else None]
    assert lane.reasons(write(lane, producer) + write(lane, other)) == expected
    assert lane.deny(kind, value, "allow")[0]["type"] == "identity.allowed"
    assert lane.reasons(write(lane, producer)) == [None]


@pytest.mark.parametrize("kind", ["certificates", "serials", "principals"])
def test_what_the_policy_denies_no_operator_lets_in(lane: SignedLane, checkout: Credentials, kind: str) -> None:
    producer = pod(checkout)
    value = {"certificates": producer.x5t, "serials": producer.serial, "principals": "checkout"}[kind]
    denied = Denied.model_validate({kind: (value,)})
    policy = lane.context.policy.model_copy(update={"denied": denied})
    lane.context = replace(lane.context, policy=policy)
    assert lane.reasons(write(lane, producer)) == ["certificate-denied"]
    lane.deny(kind.removesuffix("s"), value, "allow")
    assert lane.reasons(write(lane, producer)) == ["certificate-denied"]


def test_only_operators_deny_and_old_messages_do_nothing(lane: SignedLane, checkout: Credentials) -> None:
    assert lane.deny("principal", "checkout", name="ana")[0]["reason"] == "wrong-role"
    old = Denial("cluster", 0, "principal", "checkout", "deny", "old", "j-2", lane.now // 1000 - 3_600)
    lane.messages(sign_message(KEYS["ops"], old), at=lane.now)
    assert lane.events()[-1]["reason"] == "expired"
    for kind, value in (("principal", "a b"), ("serial", "0x1"), ("certificate", "ab"), ("everything", "checkout")):
        (event,) = lane.deny(kind, value)
        assert event["reason"] == "bad-signature"
    assert lane.reasons(write(lane, pod(checkout))) == [None]


def test_what_masking_refuses_has_its_proof_and_uses_its_sequence(lane: SignedLane, checkout: Credentials) -> None:
    (written,) = pod(checkout).write(PLACES[TOPIC], lane.now, (b"k", b"{"))
    event = lane.bring([written])[-1]
    assert event["reason"] == "malformed-json" and event["envelope"] and event["actor"]["certificate"]
    assert lane.reasons([written]) == ["replayed"]


def test_a_chunk_that_the_kernel_fails_on_is_done_record_by_record(
    lane: SignedLane, checkout: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = verifier.SignedChunk

    def chunk(place: Any, principal: Any, records: list[Any], *rest: Any) -> Any:
        if any(record.key == b"k1" for record in records):
            raise RuntimeError("a defect")
        return real(place, principal, records, *rest)

    monkeypatch.setattr(verifier, "SignedChunk", chunk)
    producer = pod(checkout, sealed=True)
    written = write(lane, producer, 4)
    written[1] = (b"k1", *written[1][1:])
    assert lane.reasons(written) == [None, "internal-error", None, None]
    assert lane.state.keys(b"sealed/", 9)


def test_a_source_that_nobody_can_verify_rejects_all(lane: SignedLane, checkout: Credentials) -> None:
    source = lane.context.sources[TOPIC]
    record = fetched(0, NOW, *write(lane, pod(checkout))[0])
    assert enforce(source, 0, [record], 1).results == ["internal-error"]


def test_the_pending_record_shows_no_private_header(lane: SignedLane, checkout: Credentials) -> None:
    lane.bring(pod(checkout).write(PLACES[TOPIC], lane.now, (b"k", b'{"amount":9}')))
    (preview,) = lane.previews().values()
    assert orjson.loads(preview or b"")["headers"] == []


def test_a_batch_that_was_not_unpacked_is_rejected_for_that_alone(lane: SignedLane, checkout: Credentials) -> None:
    unreadable = Unreadable(0, lane.now, Reason.TOO_LARGE)
    good = fetched(1, lane.now, *write(lane, pod(checkout))[0])
    assert lane.enforced(TOPIC, [unreadable, good], 2).results[0] == "too-large"
    lane.batch([lane.enforced(TOPIC, [unreadable, good], 2)], lane.now)
    assert [each.get("reason") for each in lane.events() if each["type"].startswith("record.")] == ["too-large", None]


def test_a_denied_certificate_is_known_again_after_a_restart_and_the_end_of_the_denial(
    lane: SignedLane, checkout: Credentials
) -> None:
    producer = pod(checkout, sealed=True)
    lane.deny("certificate", producer.x5t)
    assert lane.reasons(write(lane, producer)) == ["certificate-denied"]
    lane.deny("certificate", producer.x5t, "allow")
    lane.restart()
    assert lane.reasons(write(lane, producer, carry=False)) == [None]


def test_a_principal_that_signs_nothing_can_be_denied() -> None:
    plain = MemoryLane()
    told = Denial("cluster", 0, "principal", "checkout", "deny", "stolen", "j-1", NOW // 1000)
    plain.records(b"{}")
    plain.messages(sign_message(KEYS["ops"], told))
    plain.records(b"{}")
    assert plain.told() == [
        ("record.released", None), ("identity.denied", "stolen"), ("record.rejected", "certificate-denied")
    ]  # fmt: skip


def test_an_earlier_word_on_an_identity_does_not_undo_a_later_one(lane: SignedLane, checkout: Credentials) -> None:
    producer, at = pod(checkout), lane.now // 1000
    lane.deny("certificate", producer.x5t, "allow", jti="first", iat=at - 10)
    lane.deny("certificate", producer.x5t, jti="second", iat=at - 5)
    for jti, iat in (("first", at - 10), ("third", at - 6), ("second", at)):
        (event,) = lane.deny("certificate", producer.x5t, "allow", jti=jti, iat=iat)
        assert (event["type"], event["reason"]) == ("decision.refused", "repeated")
    assert lane.reasons(write(lane, producer)) == ["certificate-denied"]
