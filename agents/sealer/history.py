"""How logs grew, from what the sealer published of them: for witnesses that were away, or are new to this process."""

from collections.abc import Sequence

from aiokafka import TopicPartition

from agents.restore import high_watermark, reader, records_to_end
from agents.sealer.cosigning import Sizes, Stand
from agents.sealer.published import read_said
from agents.settings import Kafka
from pipeline.audit.growth import HEADER, Growth
from pipeline.audit.merkle import ProofError
from pipeline.audit.note import Verifier
from pipeline.audit.progress import Progress
from pipeline.policy.topics import CHECKPOINTS


async def stands(kafka: Kafka, verifiers: Sequence[Verifier], sizes: Sizes) -> dict[str, Stand]:
    """Of each log the tree at the first size, and its growth to the second; absent where it never stood there.

    Raises KafkaError.
    """
    found: dict[str, Stand] = {}
    tp = TopicPartition(CHECKPOINTS, 0)
    async with reader(kafka) as consumer:
        start, end = (await consumer.beginning_offsets([tp]))[tp], await high_watermark(consumer, tp)
        async for records in records_to_end(consumer, tp, start, end):
            for record in records:
                origin, _, digits = (record.key or b"").decode(errors="replace").rpartition("/")
                if origin not in sizes or not digits.isdigit():
                    continue
                first, last = sizes[origin]
                if int(digits) == first:
                    what = read_said(record, verifiers)
                    if isinstance(what, Progress):
                        found[origin] = Stand.at(what.tree)
                elif origin in found and first < int(digits) <= last:
                    found = _grown(found, origin, dict(record.headers).get(HEADER) or b"", int(digits))
    return found


def _grown(found: dict[str, Stand], origin: str, raw: bytes, size: int) -> dict[str, Stand]:
    """Without the log, where its growth does not go on: what follows would prove nothing."""
    tree, growth = found[origin]
    try:
        return {**found, origin: Stand(tree, growth.extend(Growth.parse(raw, size)))}
    except ProofError:
        return {name: each for name, each in found.items() if name != origin}
