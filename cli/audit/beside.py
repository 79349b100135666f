"""The topics beside an export that was verified: where does which log differ first?"""

from collections.abc import Sequence
from functools import lru_cache

from aiokafka import TopicPartition

from agents.cluster import identify
from agents.restore import high_watermark, reader, records_to_end
from agents.settings import Kafka
from agents.stored import Stored
from cli.output import progress
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.compared import Compared
from pipeline.audit.exported import directory
from pipeline.audit.logs import LogPlace
from pipeline.audit.note import Verifier, open_note
from pipeline.audit.tiles import CHECKPOINT, TileReader

TILES = 4  # kept: a log is read in order


async def compare(
    kafka: Kafka, url: str, places: Sequence[LogPlace], verifiers: Sequence[Verifier]
) -> dict[str, Compared]:
    """By the log's origin. Raises TileError, NoteError, StoreError, KafkaError, TopicMissingError."""
    cluster = (await identify(kafka, sorted({place.topic for place in places}))).cluster_id
    found = {}
    async with reader(kafka) as consumer:
        with progress("logs") as bar:
            task = bar.add_task("comparing with the topics", total=len(places))
            for place in places:
                tp = TopicPartition(place.topic, place.partition)
                first, end = (await consumer.beginning_offsets([tp]))[tp], await high_watermark(consumer, tp)
                compared = found[place.origin(cluster)] = _begin(url, place, verifiers, first)
                async for records in records_to_end(consumer, tp, first, end):
                    compared.take(records)
                compared.end()
                bar.advance(task)
    return found


def _begin(url: str, place: LogPlace, verifiers: Sequence[Verifier], first: int) -> Compared:
    files = Stored(url).below(directory(place))
    note = files.find(CHECKPOINT)
    size = 0 if note is None else Checkpoint.parse(open_note(note, verifiers)).size
    tiles = TileReader(size, files.read)
    return Compared(place.partition, size, first, lru_cache(TILES)(lambda number: tiles.hashes(0, number)))
