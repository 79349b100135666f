"""The signature on the last event of a transaction: pinned bytes, and every way it does not count."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipeline.audit import canonical
from pipeline.audit.bound import MAX_BYTES
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.events import Chain, EventType, timestamp
from pipeline.audit.merkle import leaf_hashes, root_of
from pipeline.audit.origin import origin
from pipeline.audit.signature import Signer, keys_of, public_jwk, refusal, signed_bytes
from pipeline.audit.verify import Report, Signed, Verifier
from tests.lane import MemoryLane
from tests.unit.test_audit_verify import Row

VECTOR = json.loads((Path(__file__).parents[1] / "vectors/audit/signature.json").read_text())
NOW = timestamp(0)
WORKER, OTHER = (Signer(Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)) for n in (1, 2))
KEYS = keys_of([public_jwk(WORKER.key.public_key())])
LOG = origin("cluster", "panlock.audit", 0)


class Lane:
    """A lane's chain, written in transactions."""

    def __init__(self, signer: Signer | None = WORKER, log: str = LOG, chain: Chain | None = None) -> None:
        self.chain, self.signer, self.log = chain or Chain(0, "ab" * 32), signer, log
        self.records: list[tuple[bytes, bytes]] = []

    def write(self, count: int, signed: bool = True) -> "Lane":
        events = [self.chain.event(EventType.LANE_OPENED, NOW, starts=n) for n in range(count)]
        if signed and self.signer is not None:
            events[-1] = events[-1][0], self.chain.sign_last(events[-1][1], self.signer, self.log)
        self.records += events
        return self


def replay(records: list[tuple[bytes, bytes]], start: int = 0) -> Report:
    verifier = Verifier(1, Signed("cluster", KEYS))
    verifier.first_offsets({0: start})
    verifier.add_all(0, [Row(offset, key, value) for offset, (key, value) in enumerate(records)])
    return verifier.report()


def unsigned(report: Report) -> list[tuple[int, str]]:
    assert not report.ok
    return [(each["seq"], each["what"]) for each in report.json()["unsigned"]]


def test_the_bytes_never_change() -> None:
    signer = Signer(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(VECTOR["private"])))
    assert signer.kid == VECTOR["kid"]
    assert signed_bytes(VECTOR["origin"], VECTOR["seq"], VECTOR["event"].encode()).hex() == VECTOR["signed_bytes"]
    assert signer.sign(VECTOR["origin"], VECTOR["seq"], VECTOR["event"].encode()).decode() == VECTOR["signed"]


def test_the_signed_event_is_canonical_and_the_next_one_hangs_on_it() -> None:
    lane = Lane().write(2).write(1)
    canonical.decode(lane.records[1][1])
    assert json.loads(lane.records[2][1])["prev"] == sha256(lane.records[1][1]).hexdigest()


def test_a_signature_answers_for_all_before_it() -> None:
    report = replay(Lane().write(3).write(2, signed=False).write(2).records)
    assert (report.ok, report.signatures) == (True, 2)


def test_events_behind_the_last_signature_are_nobodys() -> None:
    lane = Lane().write(3).write(2, signed=False)
    assert unsigned(replay(lane.records)) == [(3, "no signature answers for events 3 to 4, the lane's last")]


def test_a_log_without_any_signature_is_nobodys() -> None:
    assert unsigned(replay(Lane(None).write(2).records)) == [
        (0, "no signature answers for events 0 to 1, the lane's last")
    ]


def test_a_log_that_retention_has_cut_needs_its_last_signature_alone() -> None:
    assert replay(Lane().write(3).write(2).records[4:], start=4).ok


def test_a_well_chained_event_that_another_key_signed_is_told() -> None:
    lane = Lane().write(2)
    forged = Lane(OTHER, chain=lane.chain).write(1)
    found = unsigned(replay(lane.records + forged.records))
    assert found[0] == (2, "signed by a key that is none of this log's")
    assert found[1][0] == 2


@pytest.mark.parametrize(
    "log", ["cluster/panlock.audit/1", "elsewhere/panlock.audit/0", "cluster/panlock.audit.sealer/0"]
)
def test_a_signature_counts_in_its_own_log_alone(log: str) -> None:
    assert (
        unsigned(replay(Lane(log=log).write(1).records))[0][1] == "the signature is not that of the event in this log"
    )


@pytest.mark.parametrize(
    "member", [None, "x", {}, {"key": WORKER.kid}, {"key": WORKER.kid, "sig": "x", "more": 1}, {"key": 1, "sig": 2}]
)
def test_a_signature_of_another_form_does_not_count(member: object) -> None:
    event = json.loads(Lane().write(1).records[0][1])
    assert refusal(LOG, {**event, "signature": member}, KEYS) is not None


@pytest.mark.parametrize(
    "change", [{"seq": 1}, {"type": "lane.closed"}, {"lane": 1}, {"more": "x"}, {"prev": "ab" * 32}]
)
def test_whatever_is_changed_under_a_signature_breaks_it(change: dict) -> None:
    event = json.loads(Lane().write(1).records[0][1])
    assert refusal(LOG, event, KEYS) is None
    assert refusal(LOG, {**event, **change}, KEYS) == "the signature is not that of the event in this log"


def test_a_spelling_of_the_signature_other_than_its_own_does_not_count() -> None:
    event = json.loads(Lane().write(1).records[0][1])
    member = {**event["signature"], "sig": event["signature"]["sig"] + "=="}
    assert refusal(LOG, {**event, "signature": member}, KEYS) is not None


def test_the_largest_event_has_room_for_its_signature() -> None:
    chain = Chain(0, "ab" * 32)
    for length in range(65_200, 65_400):
        _, event = chain.event(EventType.STORE_CORRUPT, NOW, reason="x" * length)
        signed = chain.sign_last(event, WORKER, origin("c" * 22, "panlock.audit", 511))
        assert len(signed) <= MAX_BYTES


def test_a_lanes_every_transaction_ends_signed() -> None:
    lane = MemoryLane(signer=WORKER)
    for _ in range(3):
        lane.records(b"{}", b'{"a":1}', b"no json")
    records = [(out.key or b"", out.value or b"") for out in lane.out["panlock.audit"]]
    assert [n for n, (_, value) in enumerate(records) if b'"signature"' in value] == [2, 5, 8]
    assert replay(records).ok


def test_where_nobody_says_whose_count_signatures_are_not_looked_at() -> None:
    verifier = Verifier(1)
    for key, value in Lane(OTHER).write(1).records:
        verifier.add(0, 0, key, value)
    report = verifier.report()
    assert (report.ok, report.signatures) == (True, None)


def sealed(lane: Lane, size: int) -> Checkpoint:
    return Checkpoint(LOG, size, root_of(leaf_hashes([value for _, value in lane.records[:size]])))


@pytest.mark.parametrize("steps", [1, 3, 100])
def test_events_are_compared_with_the_lanes_checkpoint(steps: int) -> None:
    lane, other = Lane().write(3).write(4), Lane().write(2).write(5)
    for checkpoint, found in (
        (sealed(lane, 3), []),
        (sealed(lane, 7), []),
        (sealed(other, 3), [(2, "the first 3 events are not those that were sealed")]),
        (Checkpoint(LOG, 9, bytes(32)), [(7, "the log ends before event 7, and 9 were sealed")]),
    ):
        verifier = Verifier(1, Signed("cluster", KEYS), {0: checkpoint})
        rows = [Row(offset, key, value) for offset, (key, value) in enumerate(lane.records)]
        for at in range(0, len(rows), steps):
            verifier.add_all(0, rows[at : at + steps])
        report = verifier.report()
        assert [(each["seq"], each["what"]) for each in report.json()["seals"]] == found
        assert (report.ok, report.sealed) == (not found, 0 if found else checkpoint.size)


def test_a_lane_that_was_removed_as_a_whole_is_missed_by_its_checkpoint() -> None:
    report = Verifier(1, None, {0: Checkpoint(LOG, 9, bytes(32))}).report()
    assert [each["seq"] for each in report.json()["seals"]] == [0]


def test_a_lane_that_retention_has_cut_is_not_compared() -> None:
    lane = Lane().write(3).write(4)
    verifier = Verifier(1, Signed("cluster", KEYS), {0: sealed(lane, 7)})
    verifier.first_offsets({0: 3})
    verifier.add_all(0, [Row(3 + n, key, value) for n, (key, value) in enumerate(lane.records[3:])])
    assert (verifier.report().ok, verifier.report().sealed) == (True, 0)
