"""Sealed events of every log, verified on their way: from an export, or from the topics.

What comes continues what is known of each log (pipeline.audit.progress), and ends at a checkpoint of the sealer's. The
last batch of a log says so, once its events have led to the root that was sealed: before that they count for nothing.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from aiokafka import TopicPartition

from agents.cluster import identify
from agents.restore import reader, records_to_end
from agents.sealer.published import published
from agents.settings import Kafka
from agents.stored import Stored
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.exported import MANIFEST, directory
from pipeline.audit.followed import Followed
from pipeline.audit.logs import LogPlace
from pipeline.audit.manifest import Manifest
from pipeline.audit.merkle import Tree
from pipeline.audit.note import NoteError, Verifier, open_note
from pipeline.audit.progress import Progress
from pipeline.audit.tiles import CHECKPOINT, WIDTH, TileError, TileReader
from pipeline.audit.verify import Row
from pipeline.errors import PanlockError
from pipeline.policy.topics import CHECKPOINTS

BUNDLES = 64  # entry bundles at a time


class NotSealedError(PanlockError):
    """Nothing of the audit is sealed."""


class Grown(NamedTuple):
    """`end`: where the log stands, with its last batch; `wrong`: why it is not read any further."""

    place: LogPlace
    events: Sequence[bytes]
    end: Progress | None = None
    wrong: str | None = None


class Source(Protocol):
    """`cluster`: whose audit it is; `sealed`: when the manifest that was read was made. Both are known once open."""

    cluster: str
    sealed: str

    async def open(self) -> None: ...
    def grown(self, done: Mapping[str, Progress]) -> AsyncIterator[Grown]:
        """Of each log, what is behind `done`, by origin."""
        ...


class ExportSource:
    """Offline. `open` raises TileError, NoteError, StoreError where there is no manifest to begin with."""

    def __init__(self, store: Stored, places: Sequence[LogPlace], verifiers: Sequence[Verifier]) -> None:
        self._store, self._places, self._verifiers = store, places, verifiers
        self.cluster = self.sealed = ""
        self._named: dict[str, Checkpoint] = {}

    async def open(self) -> None:
        manifest = Manifest.parse(open_note(self._store.read(MANIFEST), self._verifiers))
        self.cluster, self.sealed = manifest.cluster, manifest.time
        self._named = {log.origin: log for log in manifest.logs}

    async def grown(self, done: Mapping[str, Progress]) -> AsyncIterator[Grown]:
        for place in self._places:
            try:
                for each in self._log(place, done):
                    yield each
            except (TileError, NoteError) as error:
                yield Grown(place, [], wrong=str(error))

    def _log(self, place: LogPlace, done: Mapping[str, Progress]) -> Iterator[Grown]:
        following = Following(place, self.cluster, done)
        named = self._named.get(following.origin)
        if named is None:
            yield Grown(place, [], wrong="the manifest does not name it")
            return
        if not named.size:
            return
        files = self._store.below(directory(place))
        checkpoint = Checkpoint.parse(open_note(files.read(CHECKPOINT), self._verifiers))
        if checkpoint.origin != named.origin:
            yield Grown(place, [], wrong=f"its checkpoint is of {checkpoint.origin}")
            return
        reader_, at = TileReader(checkpoint.size, files.read), following.due
        while at < checkpoint.size and following.wrong is None:
            stop = min(checkpoint.size, (at // WIDTH + BUNDLES) * WIDTH)
            numbers = range(at // WIDTH, -(-stop // WIDTH))
            events = [event for number in numbers for event in reader_.entries(number)][at % WIDTH :]
            rows = [_Row(n, b"%d/%d" % (place.partition, n), event) for n, event in enumerate(events, at)]
            yield Grown(place, following.take(rows))
            at = stop
        yield following.end(checkpoint.size, checkpoint.root)


class TopicSource:
    """`open` raises NotSealedError, SplitViewError, KafkaError."""

    def __init__(self, kafka: Kafka, places: Sequence[LogPlace], verifiers: Sequence[Verifier]) -> None:
        self._kafka, self._places, self._verifiers = kafka, places, verifiers
        self.cluster = self.sealed = ""
        self._stand: Mapping[str, Progress] = {}

    async def open(self) -> None:
        self.cluster = (await identify(self._kafka, [CHECKPOINTS])).cluster_id
        async with reader(self._kafka) as consumer:
            said = await published(consumer, self._verifiers)
        if said.manifest is None:
            raise NotSealedError(f"{CHECKPOINTS} has no manifest: only what a sealer has sealed is searched; start one")
        self._stand, self.sealed = said.logs, said.manifest.time

    async def grown(self, done: Mapping[str, Progress]) -> AsyncIterator[Grown]:
        async with reader(self._kafka) as consumer:
            for place in self._places:
                following = Following(place, self.cluster, done)
                target = self._stand.get(following.origin)
                if target is None:
                    continue
                tp = TopicPartition(place.topic, place.partition)
                if (await consumer.beginning_offsets([tp]))[tp] > following.offset:
                    yield Grown(place, [], wrong="retention has cut it: search an export (--export)")
                    continue
                async for records in records_to_end(consumer, tp, following.offset, target.offset):
                    yield Grown(place, following.take([each for each in records if each.offset < target.offset]))
                yield following.end(target.tree.size, target.tree.root, target)


class _Row(NamedTuple):
    """What verifies events takes records; in an export an event's number stands for the offset."""

    offset: int
    key: bytes | None
    value: bytes | None


class Following:
    """One log on its way to a checkpoint."""

    def __init__(self, place: LogPlace, cluster: str, done: Mapping[str, Progress]) -> None:
        self.place, self.origin = place, place.origin(cluster)
        start = done.get(self.origin) or Progress.nowhere(self.origin)
        self.due, self.offset = start.tree.size, start.offset
        self._followed = Followed(place.partition, place.keys, start)

    @property
    def wrong(self) -> str | None:
        refused = self._followed.refused
        return None if refused is None else refused.what

    def take(self, rows: Sequence[Row]) -> list[bytes]:
        """Those of them that continue the log."""
        before = self._followed.due
        self._followed.take(rows, 0.0)
        return [row.value or b"" for row in rows[: self._followed.due - before]]

    def end(self, size: int, root: bytes, at: Progress | None = None) -> Grown:
        """`at`: where the topic has it; an export is read by number, but the same place of it is."""
        reached: Tree = self._followed.progress.tree
        if self.wrong is not None:
            return Grown(self.place, [], wrong=self.wrong)
        if reached.size == size and reached.root == root:
            return Grown(self.place, [], end=at or self._followed.progress)
        what = f"{reached.size} signed events do not lead to the root that was sealed at {size}"
        return Grown(self.place, [], wrong=what)
