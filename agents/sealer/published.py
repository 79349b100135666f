"""What the sealer itself has said so far: `panlock.checkpoints`, from its beginning to its end."""

import logging
from collections.abc import Mapping, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from agents.restore import high_watermark, records_to_end
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.manifest import KEY_PREFIX
from pipeline.audit.note import NoteError, Verifier, open_note
from pipeline.audit.progress import HEADER, Progress
from pipeline.errors import PanlockError
from pipeline.policy.topics import CHECKPOINTS

log = logging.getLogger(__name__)


class SplitViewError(PanlockError):
    """Two checkpoints of the sealer's that cannot both be true: its key was used by somebody else."""


async def published(consumer: AIOKafkaConsumer, verifiers: Sequence[Verifier]) -> Mapping[str, Progress]:
    """Where each log stands, by origin. Records that nobody of ours signed are passed over. Raises SplitViewError."""
    tp = TopicPartition(CHECKPOINTS, 0)
    start, end = (await consumer.beginning_offsets([tp]))[tp], await high_watermark(consumer, tp)
    found: dict[str, Progress] = {}
    async for records in records_to_end(consumer, tp, start, end):
        for record in records:
            progress = _progress(record, verifiers)
            if progress is not None:
                _check(found.get(progress.origin), progress, record.offset)
                found[progress.origin] = progress
    return found


def _progress(record: ConsumerRecord, verifiers: Sequence[Verifier]) -> Progress | None:
    if (record.key or b"").startswith(KEY_PREFIX) or record.value is None:
        return None
    try:
        checkpoint = Checkpoint.parse(open_note(record.value, verifiers))
        progress = Progress.parse(open_note(dict(record.headers).get(HEADER) or b"", verifiers))
    except NoteError as error:
        log.warning("%s/0/%d is no checkpoint of this sealer: %s", CHECKPOINTS, record.offset, error)
        return None
    if progress.checkpoint != checkpoint or record.key != checkpoint.key:
        log.warning("%s/0/%d does not fit its own progress", CHECKPOINTS, record.offset)
        return None
    return progress


def _check(known: Progress | None, new: Progress, offset: int) -> None:
    if known is not None and (
        new.tree.size < known.tree.size or (new.tree.size == known.tree.size and new.tree != known.tree)
    ):
        raise SplitViewError(
            f"{CHECKPOINTS}/0/{offset}: {new.origin} has {new.tree.size} events there, and had {known.tree.size} "
            "before, or another root: somebody else signs with the sealer's key. Keep the topic, take the key out of "
            "the policy, and find out who has it"
        )
