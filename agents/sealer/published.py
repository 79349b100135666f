"""What the sealer itself has said so far: `panlock.checkpoints`, from its beginning to its end."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from agents.restore import high_watermark, records_to_end
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.clocks import Clocks
from pipeline.audit.cosigned import KEY_PREFIX as COSIGNED
from pipeline.audit.cosigned import Cosigned
from pipeline.audit.manifest import KEY_PREFIX, Manifest
from pipeline.audit.note import NoteError, Verifier, open_note
from pipeline.audit.progress import HEADER, Progress
from pipeline.audit.timestamp import KEY_PREFIX as STAMPED
from pipeline.audit.timestamp import MANIFEST, Stamped
from pipeline.errors import PanlockError
from pipeline.policy.topics import CHECKPOINTS

log = logging.getLogger(__name__)


class SplitViewError(PanlockError):
    """Two checkpoints of the sealer's that cannot both be true: its key was used by somebody else."""


What = Progress | Manifest | Cosigned | Stamped


class Said(NamedTuple):
    """One record of the sealer's: a checkpoint, with where the sealer stood, a manifest, or what others signed of them.

    `time`: the broker's, in ms."""

    offset: int
    note: bytes
    what: What
    time: int


class Published(NamedTuple):
    """Where each log stands, by origin, the last manifest, each log's last cosigned checkpoint, the last time stamp."""

    logs: Mapping[str, Progress]
    manifest: Manifest | None
    cosigned: Mapping[str, Cosigned]
    stamp: Stamped | None
    clocks: Clocks


class Latest:
    """The last checkpoint of each log, by the keys alone: a year of them is read in minutes, and verified in hours."""

    def __init__(self) -> None:
        self._held: dict[bytes, tuple[int, ConsumerRecord]] = {}
        self._cosigned: dict[bytes, ConsumerRecord] = {}
        self._manifest: ConsumerRecord | None = None
        self._stamp: ConsumerRecord | None = None
        self.clocks = Clocks()
        self.in_order = True  # where a log goes back, its checkpoints must be looked at one by one

    def add(self, record: ConsumerRecord) -> None:
        key = record.key or b""
        name, _, digits = key.rpartition(b"/")
        if key.startswith(KEY_PREFIX):
            self._manifest = record
            self.clocks.manifest(key.removeprefix(KEY_PREFIX).decode(errors="replace"), record.timestamp)
        elif key.startswith(STAMPED):
            self._stamp = record
        elif key.startswith(COSIGNED):
            self._cosigned[name] = record
        if not name or not digits.isdigit() or key.startswith((KEY_PREFIX, STAMPED, COSIGNED)):
            return
        self.in_order &= name not in self._held or int(digits) > self._held[name][0]
        self._held[name] = int(digits), record

    def read(self, verifiers: Sequence[Verifier]) -> Published | None:
        """None where one of them is not the sealer's, or they are not in order."""
        manifest = None if self._manifest is None else read_said(self._manifest, verifiers)
        if manifest is not None and not isinstance(manifest, Manifest):
            return None
        if manifest is None and self._manifest is not None:
            return None
        found = {}
        for _, record in self._held.values() if self.in_order else ():
            progress = read_said(record, verifiers)
            if not isinstance(progress, Progress):
                return None
            found[progress.origin] = progress
        return Published(found, manifest, *self._others(verifiers), self.clocks) if self.in_order else None

    def _others(self, verifiers: Sequence[Verifier]) -> tuple[dict[str, Cosigned], Stamped | None]:
        """What others than the sealer signed: junk among it counts for nothing, and hides nothing of the sealer's."""
        notes = [read_said(record, verifiers) for record in self._cosigned.values()]
        stamp = None if self._stamp is None else read_said(self._stamp, verifiers)
        cosigned = {each.checkpoint.origin: each for each in notes if isinstance(each, Cosigned)}
        return cosigned, stamp if isinstance(stamp, Stamped) else None


async def published(consumer: AIOKafkaConsumer, verifiers: Sequence[Verifier]) -> Published:
    """Raises SplitViewError."""
    tp = TopicPartition(CHECKPOINTS, 0)
    start, end = (await consumer.beginning_offsets([tp]))[tp], await high_watermark(consumer, tp)
    latest = Latest()
    async for records in records_to_end(consumer, tp, start, end):
        for record in records:
            latest.add(record)
    found = latest.read(verifiers)
    if found is None:
        log.warning("%s holds records that are not this sealer's: every one of them is verified", CHECKPOINTS)
        every = [each.what async for each in said(consumer, verifiers)]
        logs = {what.origin: what for what in every if isinstance(what, Progress)}
        cosigned = {what.checkpoint.origin: what for what in every if isinstance(what, Cosigned)}
        manifest = next((what for what in reversed(every) if isinstance(what, Manifest)), None)
        stamp = next((what for what in reversed(every) if isinstance(what, Stamped)), None)
        found = Published(logs, manifest, cosigned, stamp, latest.clocks)
    return found


async def said(consumer: AIOKafkaConsumer, verifiers: Sequence[Verifier], start: int = 0) -> AsyncIterator[Said]:
    """All notes from an offset on, in order. What nobody of ours signed is passed over. Raises SplitViewError."""
    tp = TopicPartition(CHECKPOINTS, 0)
    first, end = (await consumer.beginning_offsets([tp]))[tp], await high_watermark(consumer, tp)
    found: dict[str, Progress] = {}
    async for records in records_to_end(consumer, tp, max(first, start), end):
        for record in records:
            what = read_said(record, verifiers)
            if isinstance(what, Progress):
                _check(found.get(what.origin), what, record.offset)
                found[what.origin] = what
            if what is not None:
                yield Said(record.offset, record.value or b"", what, record.timestamp)


def read_said(record: ConsumerRecord, verifiers: Sequence[Verifier]) -> What | None:
    key, value, headers = record.key or b"", record.value or b"", dict(record.headers)
    try:
        if key.startswith(STAMPED):
            note = headers.get(MANIFEST) or b""
            return Stamped(Manifest.parse(open_note(note, verifiers)).time, note, value)
        text = open_note(value, verifiers)
        if key.startswith(KEY_PREFIX):
            return Manifest.parse(text)
        if key.startswith(COSIGNED):
            return Cosigned(Checkpoint.parse(text), value)
        progress = Progress.parse(open_note(headers.get(HEADER) or b"", verifiers))
        fits = progress.checkpoint == Checkpoint.parse(text) and progress.checkpoint.key == record.key
    except NoteError as error:
        log.warning("%s/0/%d is no note of this sealer: %s", CHECKPOINTS, record.offset, error)
        return None
    if not fits:
        log.warning("%s/0/%d does not fit its own progress", CHECKPOINTS, record.offset)
    return progress if fits else None


def _check(known: Progress | None, new: Progress, offset: int) -> None:
    if known is not None and (
        new.tree.size < known.tree.size or (new.tree.size == known.tree.size and new.tree != known.tree)
    ):
        raise SplitViewError(
            f"{CHECKPOINTS}/0/{offset}: {new.origin} has {new.tree.size} events there, and had {known.tree.size} "
            "before, or another root: somebody else signs with the sealer's key. Keep the topic, take the key out of "
            "the policy, and find out who has it"
        )
