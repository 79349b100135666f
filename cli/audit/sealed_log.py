"""A lane's sealed log as a proof needs it, from an export or from the topics: events, roots, checkpoint, manifest."""

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from aiokafka import TopicPartition

from agents.cluster import identify
from agents.restore import reader, records_to_end
from agents.sealer.published import Said, said
from agents.search.engine import Connection
from agents.search.query import Part, part
from agents.settings import Kafka
from agents.stored import Stored
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.claims.attested import Others
from pipeline.audit.claims.material import NotProvenError
from pipeline.audit.cosigned import Cosigned
from pipeline.audit.exported import COSIGNED, MANIFEST, directory
from pipeline.audit.life import REFERRED, Life
from pipeline.audit.logs import LogPlace
from pipeline.audit.manifest import Manifest
from pipeline.audit.merkle import Roots, leaf_hashes, roots_of
from pipeline.audit.note import Verifier, open_note
from pipeline.audit.progress import Progress
from pipeline.audit.tiles import CHECKPOINT, WIDTH, TileReader, entries
from pipeline.audit.timestamp import Stamped

TILES = 1_024  # files kept while paths are read


class SealedLog(NamedTuple):
    """As the checkpoint and the manifest have it; `others`: what witnesses and an authority signed of it."""

    checkpoint: bytes
    manifest: bytes
    roots: Roots
    others: Others


def from_export(
    url: str, place: LogPlace, verifiers: Sequence[Verifier], life: Life, held: Connection | None = None
) -> SealedLog:
    """`held`: the audit's tables; what they hold of the log is not read. Raises TileError, NoteError, StoreError,
    NotProvenError."""
    store = Stored(url)
    files, note = store.below(directory(place)), store.read(MANIFEST)
    manifest = Manifest.parse(open_note(note, verifiers))
    checkpoint = files.read(CHECKPOINT)
    size = _size(manifest, Checkpoint.parse(open_note(checkpoint, verifiers)))
    log = TileReader(size, lru_cache(TILES)(files.read))
    known = Part() if held is None else part(held, directory(place), life.record, REFERRED)
    _scan(log, 0, min(known.first, size), life)
    for seq, event in known.events:
        if seq < size:
            life.add(seq, event)
    _scan(log, known.end, size, life)
    last = max((seq for seq, _ in life.all()[0]), default=0)
    times = [name.removesuffix(".tsr") for name in store.names("timestamps")]

    def stamped(time: str) -> bytes:
        return store.read(f"manifests/{time}")

    # each manifest has what the one before has: the first that has the record's last event says most of when
    first = bisect_left(times, True, key=lambda time: _size_in(stamped(time), place, verifiers) > last)
    stamp = (stamped(times[first]), store.read(f"timestamps/{times[first]}.tsr")) if first < len(times) else None
    return SealedLog(checkpoint, note, log.root, Others(files.find(COSIGNED), stamp))


def _scan(log: TileReader, start: int, end: int, life: Life) -> None:
    """Bundles that hold events from `start` to before `end`."""
    for number in range(start // WIDTH, -(-end // WIDTH) if start < end else 0):
        if life.concerns(bundle := log.bundle(number)):
            for seq, event in enumerate(entries(bundle), WIDTH * number):
                if start <= seq < end:
                    life.add(seq, event)


async def from_topics(kafka: Kafka, place: LogPlace, verifiers: Sequence[Verifier], life: Life) -> SealedLog:
    """Raises NotProvenError, SplitViewError, KafkaError."""
    name = place.origin((await identify(kafka, [place.topic])).cluster_id)
    async with reader(kafka) as consumer:
        latest: Said | None = None
        found: tuple[Said, Said] | None = None
        cosigned: Cosigned | None = None
        stamps: list[Stamped] = []
        async for each in said(consumer, verifiers):
            if isinstance(each.what, Progress):
                latest = each if each.what.origin == name else latest
            elif isinstance(each.what, Manifest) and latest is not None:
                found = latest, each
            elif isinstance(each.what, Cosigned) and each.what.checkpoint.origin == name:
                cosigned = each.what
            elif isinstance(each.what, Stamped):
                stamps.append(each.what)
        if found is None:
            raise NotProvenError(f"no manifest names {name}: is a sealer running?")
        checkpoint, manifest = found
        assert isinstance(checkpoint.what, Progress)  # noqa: S101  # as above
        target, tp = checkpoint.what, TopicPartition(place.topic, place.partition)
        leaves = bytearray()
        async for records in records_to_end(consumer, tp, 0, target.offset):
            events = [each.value or b"" for each in records if each.offset < target.offset]
            for seq, event in enumerate(events, len(leaves) // 32):
                life.add(seq, event)
            leaves += leaf_hashes(events)
    if (roots := roots_of(bytes(leaves)))(0, target.tree.size) != target.tree.root:
        raise NotProvenError(f"{name} does not hold what was sealed, or retention has cut it: prove from an export")
    last = max((seq for seq, _ in life.all()[0]), default=0)
    stamp = next(((s.note, s.response) for s in stamps if _size_in(s.note, place, verifiers) > last), None)
    return SealedLog(checkpoint.note, manifest.note, roots, Others(cosigned and cosigned.note, stamp))


def _size_in(manifest: bytes, place: LogPlace, verifiers: Sequence[Verifier]) -> int:
    """Events of the log that a manifest names. Raises NoteError."""
    read = Manifest.parse(open_note(manifest, verifiers))
    name = place.origin(read.cluster)
    return next((log.size for log in read.logs if log.origin == name), 0)


def _size(manifest: Manifest, checkpoint: Checkpoint) -> int:
    """Raises NotProvenError."""
    if checkpoint not in manifest.logs:
        raise NotProvenError("the export's manifest does not name its checkpoint: let the export end, and try again")
    return checkpoint.size
