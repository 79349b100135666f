"""What the sealer seals, when, and what it refuses: without Kafka."""

# ruff: noqa: E501  # tables

import json
from collections.abc import Callable

import pytest

from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.events import Chain, EventType, timestamp
from pipeline.audit.followed import UNSIGNED, Followed, Refusal
from pipeline.audit.manifest import KEY_PREFIX, Manifest
from pipeline.audit.merkle import Tree, leaf_hash
from pipeline.audit.note import NoteError, Verifier, open_note
from pipeline.audit.origin import origin
from pipeline.audit.progress import HEADER, Progress
from pipeline.audit.sealer import IDLE, LEAVES, SECONDS, Sealer, Sends
from pipeline.audit.signature import Signer, keys_of, public_jwk
from pipeline.effects import Out
from pipeline.policy.topics import AUDIT, CHECKPOINTS, SEALER_AUDIT
from tests.audit_keys import SEALER, STRANGER, WORKER
from tests.unit.test_audit_verify import Row

NOW = timestamp(0)
LANE, OWN = origin("c", AUDIT, 0), origin("c", SEALER_AUDIT, 0)
VERIFIER = Verifier("panlock-sealer", SEALER.key.public_key())


class Log:
    """A lane's partition, written in signed transactions; every second offset is a control record's."""

    def __init__(self) -> None:
        self.chain, self.rows, self.offset = Chain(0, "ab" * 32), list[Row](), 0

    def write(self, count: int, signer: Signer | None = WORKER) -> list[Row]:
        events = [self.chain.event(EventType.LANE_OPENED, NOW) for _ in range(count)]
        if signer is not None:
            events[-1] = events[-1][0], self.chain.sign_last(events[-1][1], signer, LANE)
        rows = [Row(self.offset + n, key, value) for n, (key, value) in enumerate(events)]
        self.offset += count + 1
        self.rows += rows
        return rows


def followed(progress: Progress | None = None) -> Followed:
    return Followed(0, keys_of([public_jwk(WORKER.key.public_key())]), progress or Progress.nowhere(LANE))


def sealer(lane: Followed) -> Sealer:
    own = Followed(0, keys_of([public_jwk(SEALER.key.public_key())]), Progress.nowhere(OWN))
    return Sealer("c", "panlock-sealer", "ab" * 32, SEALER, [lane, own])


def checkpoints(sends: Sends) -> list[Checkpoint]:
    outs = sends.get((CHECKPOINTS, 0), [])
    notes = [open_note(out.value or b"", [VERIFIER]) for out in outs if not (out.key or b"").startswith(KEY_PREFIX)]
    return [Checkpoint.parse(note) for note in notes]


def manifests(sends: Sends) -> list[Manifest]:
    outs = sends.get((CHECKPOINTS, 0), [])
    return [
        Manifest.parse(open_note(o.value or b"", [VERIFIER])) for o in outs if o.key and o.key.startswith(KEY_PREFIX)
    ]


def tree(rows: list[Row]) -> Tree:
    return Tree().append(b"".join(leaf_hash(row.value or b"") for row in rows))


def test_an_event_is_sealed_within_ten_seconds_and_a_thousand_at_once() -> None:
    log, lane = Log(), followed()
    made = sealer(lane)
    lane.take(log.write(3), 100.0)
    assert checkpoints(made.round(100.0 + SECONDS - 0.1, 0)) == []
    assert checkpoints(made.round(100.0 + SECONDS, 0)) == [Checkpoint(LANE, 3, tree(log.rows).root)]
    assert checkpoints(made.round(200.0, 0)) == []
    lane.take(log.write(LEAVES), 200.0)
    assert checkpoints(made.round(200.0, 0)) == [Checkpoint(LANE, 3 + LEAVES, tree(log.rows).root)]
    assert lane.unsealed == 0


def test_a_manifest_names_every_log_also_while_nothing_happens() -> None:
    log, lane = Log(), followed()
    made = sealer(lane)
    (first,) = manifests(made.round(0.0, 0))
    assert [(each.origin, each.size) for each in first.logs] == [(LANE, 0), (OWN, 0)]
    assert manifests(made.round(IDLE - 1, 0)) == []
    assert len(manifests(made.round(IDLE, 0))) == 1
    lane.take(log.write(LEAVES), IDLE + 1)
    assert manifests(made.round(IDLE + 1, 0)) == []
    (last,) = manifests(made.round(IDLE + SECONDS, 0))
    assert last.logs[0] == Checkpoint(LANE, LEAVES, tree(log.rows).root)


def test_at_its_end_it_seals_all_that_is_signed_and_nothing_twice() -> None:
    log, lane = Log(), followed()
    made = sealer(lane)
    lane.take([*log.write(3), *log.write(2, None)], 0.0)
    assert [each.size for each in checkpoints(made.round(0.0, 0, last=True))] == [3]
    assert checkpoints(made.round(99.0, 0, last=True)) == []


def test_only_what_a_signature_answers_for_is_sealed_and_the_rest_not_waited_for_too_long() -> None:
    log, lane = Log(), followed()
    lane.take(log.write(2), 0.0)
    lane.take(log.write(2, None), 5.0)
    lane.look(5.0 + UNSIGNED)
    assert (lane.progress.tree, lane.unsigned, lane.refused) == (tree(log.rows[:2]), 2, None)
    lane.look(5.1 + UNSIGNED)
    assert lane.refused is not None and lane.refused.reason is Refusal.UNSIGNED


def test_a_transaction_may_come_in_pieces() -> None:
    log, lane = Log(), followed()
    rows = log.write(5)
    for at, row in enumerate(rows):
        lane.take([row], UNSIGNED / 2 * at)
        lane.look(UNSIGNED / 2 * at)
        if at == 1:
            break
    lane.take(rows[2:], UNSIGNED - 1)
    lane.look(10 * UNSIGNED)
    assert (lane.refused, lane.progress.tree) == (None, tree(rows))


@pytest.mark.parametrize("cut", [0, 1, 4, 9])
def test_it_goes_on_from_its_own_checkpoint(cut: int) -> None:
    log, lane = Log(), followed()
    for _ in range(3):
        log.write(3)
    lane.take(log.rows[:cut], 0.0)
    outs = [o for o in sealer(lane).round(99.0, 0, last=True)[CHECKPOINTS, 0] if o.headers]
    progress = Progress.nowhere(LANE) if not outs else stand(outs[0])
    again = followed(progress)
    again.compare(0, log.offset)
    again.take([row for row in log.rows if row.offset >= progress.offset], 0.0)
    assert (again.refused, again.progress.tree, again.published) == (None, tree(log.rows), progress)


def stand(out: Out) -> Progress:
    progress = Progress.parse(open_note(dict(out.headers)[HEADER] or b"", [VERIFIER]))
    assert progress.checkpoint == Checkpoint.parse(open_note(out.value or b"", [VERIFIER]))
    assert out.key == progress.checkpoint.key
    return progress


def altered(row: Row, **changes: object) -> Row:
    event = {**json.loads(row.value or b""), **changes}
    return row._replace(value=json.dumps(event, sort_keys=True, separators=(",", ":")).encode())


WRONGS: dict[str, tuple[Refusal, Callable[[list[Row]], list[Row]]]] = {
    "an event changed": (Refusal.REWRITTEN, lambda rows: [*rows[:4], altered(rows[4], policy="cd" * 32), *rows[5:]]),
    "a signed event changed": (Refusal.SIGNATURE, lambda rows: [*rows[:5], altered(rows[5], policy="cd" * 32), *rows[6:]]),
    "an event dropped": (Refusal.GAP, lambda rows: [*rows[:4], *rows[5:]]),
    "an event inserted": (Refusal.REPEATED, lambda rows: [*rows[:4], rows[3]._replace(offset=99), *rows[4:]]),
    "events reordered": (Refusal.GAP, lambda rows: [*rows[:4], rows[5], rows[4]]),
    "a tombstone": (Refusal.TOMBSTONE, lambda rows: [*rows[:4], Row(98, b"0/1", None), *rows[4:]]),
    "no event": (Refusal.MALFORMED, lambda rows: [*rows[:4], Row(98, b"0/4", b"{}"), *rows[4:]]),
    "an event of another key": (Refusal.MALFORMED, lambda rows: [*rows[:4], rows[4]._replace(key=b"0/9"), *rows[5:]]),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONGS)
def test_a_history_that_is_not_what_was_written_is_refused_and_what_was_before_stays_sealed(name: str) -> None:
    reason, change = WRONGS[name]
    log, lane = Log(), followed()
    log.write(3), log.write(3)
    lane.take(change(log.rows), 0.0)
    assert lane.refused is not None and lane.refused.reason is reason, lane.refused
    assert lane.progress.tree == tree(log.rows[:3])
    lane.take(log.write(3), 0.0)
    assert lane.progress.tree.size == 3


def test_a_well_chained_event_that_another_signs_is_refused() -> None:
    log, lane = Log(), followed()
    lane.take([*log.write(3), *log.write(2, STRANGER)], 0.0)
    assert lane.refused is not None and lane.refused.reason is Refusal.SIGNATURE
    assert lane.progress.tree == tree(log.rows[:3])


@pytest.mark.parametrize(
    ("first", "end", "reason"), [(0, 9, Refusal.CUT_OFF), (11, 40, Refusal.REMOVED), (10, 40, None), (0, 10, None)]
)
def test_a_log_that_lost_its_tail_or_events_before_they_were_sealed_is_refused(
    first: int, end: int, reason: Refusal | None
) -> None:
    lane = followed(Progress(LANE, Tree().append(bytes(32)), 10, bytes(32)))
    lane.compare(first, end)
    assert (lane.refused and lane.refused.reason) is reason


def test_a_log_that_goes_back_was_cut_off() -> None:
    log = Log()
    log.write(2)
    lane = followed(Progress(LANE, Tree().append(64 * bytes(1)), 10, bytes(32)))
    lane.take(log.rows, 0.0)
    assert lane.refused is not None and lane.refused.reason is Refusal.CUT_OFF


def test_a_refusal_is_told_once_in_the_sealers_own_signed_log() -> None:
    log, lane = Log(), followed()
    lane.take([*log.write(2), Row(9, b"0/1", None)], 0.0)
    made = sealer(lane)
    sends = made.round(0.0, 0)
    own = Followed(0, keys_of([public_jwk(SEALER.key.public_key())]), Progress.nowhere(OWN))
    own.take([Row(n, out.key, out.value) for n, out in enumerate(sends[SEALER_AUDIT, 0])], 0.0)
    assert (own.refused, own.progress.tree.size) == (None, 1)
    event = json.loads(sends[SEALER_AUDIT, 0][0].value or b"")
    assert (event["type"], event["reason"], event["resource"]["log"]) == ("log.refused", "tombstone", LANE)
    assert (SEALER_AUDIT, 0) not in made.round(1.0, 0)


@pytest.mark.parametrize(
    "text", ["", "panlock-progress-v1\n", "x\no\n0\n0\n" + 64 * "0" + "\n\n", "panlock-progress-v1\no\n3\n0\n" + 64 * "0" + "\n\n",
             "panlock-progress-v1\no\n0\n0\n00\n\n", "panlock-progress-v1\no\n00\n0\n" + 64 * "0" + "\n\n",
             "panlock-progress-v1\no\n²\n0\n" + 64 * "0" + "\n\n"]
)  # fmt: skip
def test_what_is_no_progress_does_not_parse(text: str) -> None:
    with pytest.raises(NoteError):
        Progress.parse(text)


@pytest.mark.parametrize("text", ["", "panlock-manifest-v2\nc\nt\n", "panlock-manifest-v1\nc\nt\nlog 1\n"])
def test_what_is_no_manifest_does_not_parse(text: str) -> None:
    with pytest.raises(NoteError):
        Manifest.parse(text)
