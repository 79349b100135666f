"""What the sealer itself has said so far: `panlock.checkpoints`, from its beginning to its end."""

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from agents.restore import high_watermark, records_to_end
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.manifest import KEY_PREFIX, Manifest
from pipeline.audit.note import NoteError, Verifier, open_note
from pipeline.audit.progress import HEADER, Progress
from pipeline.errors import PanlockError
from pipeline.policy.topics import CHECKPOINTS

log = logging.getLogger(__name__)


class SplitViewError(PanlockError):
    """Two checkpoints of the sealer's that cannot both be true: its key was used by somebody else."""


class Said(NamedTuple):
    """One note of the sealer's: a checkpoint, with where the sealer stood, or a manifest."""

    offset: int
    note: bytes
    what: Progress | Manifest


async def published(consumer: AIOKafkaConsumer, verifiers: Sequence[Verifier]) -> Mapping[str, Progress]:
    """Where each log stands, by origin. Raises SplitViewError."""
    found: dict[str, Progress] = {}
    async for _, _, what in said(consumer, verifiers):
        if isinstance(what, Progress):
            found[what.origin] = what
    return found


async def said(consumer: AIOKafkaConsumer, verifiers: Sequence[Verifier], start: int = 0) -> AsyncIterator[Said]:
    """All notes from an offset on, in order. What nobody of ours signed is passed over. Raises SplitViewError."""
    tp = TopicPartition(CHECKPOINTS, 0)
    first, end = (await consumer.beginning_offsets([tp]))[tp], await high_watermark(consumer, tp)
    found: dict[str, Progress] = {}
    async for records in records_to_end(consumer, tp, max(first, start), end):
        for record in records:
            what = _read(record, verifiers)
            if isinstance(what, Progress):
                _check(found.get(what.origin), what, record.offset)
                found[what.origin] = what
            if what is not None:
                yield Said(record.offset, record.value or b"", what)


def _read(record: ConsumerRecord, verifiers: Sequence[Verifier]) -> Progress | Manifest | None:
    try:
        text = open_note(record.value or b"", verifiers)
        if (record.key or b"").startswith(KEY_PREFIX):
            return Manifest.parse(text)
        progress = Progress.parse(open_note(dict(record.headers).get(HEADER) or b"", verifiers))
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
