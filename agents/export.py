"""The audit exported: every log as far as the last manifest says, each event verified on its way.

    <topic>/<partition>/      a log as C2SP tlog-tiles (pipeline.audit.tiles)
    <topic>/<partition>/cosigned  the last checkpoint that witnesses have signed, as far as it is here
    manifest, manifests/<time>
    timestamps/<time>.tsr     of the manifest of that time (RFC 3161)
    keys/<key id>.vkey        of the sealer, as Tessera's fsck reads them
    keys/emitters.json        JWKS of who signs events: workers, and the sealer
    jwks/<sha256>.json        keys of issuers that approvers signed in at, as events have them
    policies/<hash>/          policy.yaml and the files it refers to

A log's checkpoint is written when all that it stands for is there, and says where the next export goes on.
"""

import time
from collections.abc import Mapping, Sequence

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.restore import records_to_end
from agents.sealer.published import Said, said
from agents.stored import Stored
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.cosigned import Cosigned
from pipeline.audit.exported import COSIGNED, MANIFEST, directory, issuer_keys
from pipeline.audit.followed import Followed
from pipeline.audit.logs import LogPlace
from pipeline.audit.manifest import Manifest
from pipeline.audit.merkle import leaf_hashes
from pipeline.audit.note import Verifier, open_note
from pipeline.audit.origin import origin
from pipeline.audit.progress import Progress
from pipeline.audit.signature import public_jwk
from pipeline.audit.tiles import CHECKPOINT, WIDTH, TileReader, TileWriter
from pipeline.audit.timestamp import Stamped
from pipeline.errors import PanlockError
from pipeline.policy.bundle import POLICY_FILE, Bundle
from pipeline.policy.topics import CHECKPOINTS


class ExportError(PanlockError):
    """An export that cannot go on: what is there and what the topics hold do not belong together."""


class Export:
    """`verifiers`: the sealer's keys; `places`: the logs, and whose signatures count in them."""

    def __init__(self, store: Stored, verifiers: Sequence[Verifier], places: Sequence[LogPlace]) -> None:
        self.store, self.verifiers, self.places = store, verifiers, places
        self._next = 0  # offset of panlock.checkpoints
        self._latest: dict[str, Said] = {}  # checkpoints, by origin
        self._manifest: Said | None = None
        self._wanted: dict[str, Said] = {}  # the checkpoints that it names
        self._stood: dict[str, Progress] = {}  # where each log stood at the size that is exported
        self._cosigned: dict[str, Cosigned] = {}  # the last of each log, by origin
        self._stamps: list[Stamped] = []  # that are not kept yet
        self.exported: dict[str, int] = {}  # events of each log, by origin
        self.waiting: dict[str, float] = {}  # since when (s since 1970) a log has sealed events that are not exported
        self.succeeded: float | None = None  # when everything was last exported (s since 1970)

    def keep(self, bundles: Sequence[Bundle]) -> None:
        """Keys and policies, for whoever reads the export to find. What they trust they know from elsewhere."""
        workers = {kid: key for place in self.places for kid, key in place.keys.items()}
        jwks = {"keys": [{"kid": kid, **public_jwk(key)} for kid, key in sorted(workers.items())]}
        files = [("keys/emitters.json", orjson.dumps(jwks))]
        files += [(f"keys/{each.id.hex()}.vkey", f"{each}\n".encode()) for each in self.verifiers]
        for each in bundles:
            parts = {POLICY_FILE: each.text, **each.files}
            files += [(f"policies/{each.hash}/{name}", content) for name, content in parts.items()]
        self.store.keep(files)

    @property
    def sealed(self) -> dict[str, int]:
        """Events of each log as its last checkpoint has it, by origin."""
        return {name: each.what.tree.size for name, each in self._latest.items() if isinstance(each.what, Progress)}

    async def once(self, consumer: AIOKafkaConsumer, cluster: str) -> int:
        """Everything that the last manifest names. Returns how many events are new. Raises ExportError, TileError,
        NoteError, StoreError, SplitViewError, KafkaError."""
        if not self.exported:
            self.exported = {place.origin(cluster): self._exported(place, cluster) for place in self.places}
        done = dict(self.exported)
        await self._read(consumer, done)
        self._wait()
        if self._manifest is None or not isinstance(self._manifest.what, Manifest):
            return 0
        count = 0
        for place in self.places:
            name = place.origin(cluster)
            wanted = self._wanted[name].what if name in self._wanted else Progress.nowhere(name)
            start = self._stood.get(name) or Progress.nowhere(name)
            assert isinstance(wanted, Progress)  # noqa: S101  # what _read keeps
            if done[name] != start.tree.size or wanted.tree.size < done[name]:
                raise ExportError(
                    f"{self.store.url} has {done[name]} events of {name}, which was never sealed at that size, or has "
                    f"{wanted.tree.size} now: the log was rolled back, or {CHECKPOINTS} was. Keep both"
                )
            if wanted.tree.size > done[name]:
                count += await self._log(consumer, place, start, wanted, self._wanted[name].note)
        made_at, note = self._manifest.what.time, self._manifest.note
        self.store.keep([(f"manifests/{made_at}", note), (MANIFEST, note)])
        self._keep_attestations(cluster)
        self._wait()
        self.succeeded = time.time()
        return count

    def _wait(self) -> None:
        for name, size in self.sealed.items():
            if size > self.exported.get(name, 0):
                self.waiting.setdefault(name, time.time())
            else:
                self.waiting.pop(name, None)

    async def _read(self, consumer: AIOKafkaConsumer, done: Mapping[str, int]) -> None:
        """What the sealer has said since the last time."""
        async for each in said(consumer, self.verifiers, self._next):
            self._next = each.offset + 1
            if isinstance(each.what, Progress):
                self._latest[each.what.origin] = each
                if each.what.tree.size == done.get(each.what.origin):
                    self._stood[each.what.origin] = each.what
            elif isinstance(each.what, Manifest):
                self._manifest, self._wanted = each, dict(self._latest)
            elif isinstance(each.what, Cosigned):
                self._cosigned[each.what.checkpoint.origin] = each.what
            else:
                self._stamps.append(each.what)

    def _keep_attestations(self, cluster: str) -> None:
        """What witnesses and authorities signed, as soon as what they speak of is here."""
        for place in self.places:
            cosigned = self._cosigned.get(name := place.origin(cluster))
            if cosigned is not None and cosigned.checkpoint.size <= self.exported.get(name, 0):
                self.store.keep([(f"{directory(place)}/{COSIGNED}", cosigned.note)])
        known = set(self.store.names("timestamps")) if self._stamps else set()
        for each in self._stamps:
            if f"{each.time}.tsr" not in known:
                files = [(f"manifests/{each.time}", each.note), (f"timestamps/{each.time}.tsr", each.response)]
                self.store.keep(files)
        self._stamps.clear()

    def _exported(self, place: LogPlace, cluster: str) -> int:
        """Events of a log that are there. Raises ExportError, NoteError, StoreError."""
        note = self.store.find(f"{directory(place)}/{CHECKPOINT}")
        if note is None:
            return 0
        checkpoint = Checkpoint.parse(open_note(note, self.verifiers))
        if checkpoint.origin != place.origin(cluster):
            raise ExportError(
                f"{self.store.url}/{directory(place)} is the export of {checkpoint.origin}, not of "
                f"{origin(cluster, place.topic, place.partition)}: export every cluster to a place of its own"
            )
        return checkpoint.size

    async def _log(
        self, consumer: AIOKafkaConsumer, place: LogPlace, start: Progress, target: Progress, note: bytes
    ) -> int:
        """From where it is exported to, to its checkpoint `note`."""
        done, files = start.tree.size, self.store.below(directory(place))
        reader = TileReader(done, files.read)
        writer = TileWriter(done, reader.edges(), reader.entries(done // WIDTH) if done % WIDTH else [])
        followed = Followed(place.partition, place.keys, start)
        tp = TopicPartition(place.topic, place.partition)
        async for records in records_to_end(consumer, tp, start.offset, target.offset):
            rows = [record for record in records if record.offset < target.offset]
            followed.take(rows, 0.0)
            if followed.refused is not None:
                raise ExportError(f"{target.origin}: {followed.refused.what}; it was sealed otherwise. Keep the topic")
            events = [row.value or b"" for row in rows]
            files.write(writer.append(events, leaf_hashes(events)))
            self.store.keep(issuer_keys(events))
        if followed.progress.tree != target.tree:
            raise ExportError(
                f"{target.origin}: the topic does not hold what was sealed: {followed.progress.tree.size} events lead "
                f"to another root than that of the checkpoint of {target.tree.size}. Keep the topic"
            )
        files.write([*writer.edge(), (CHECKPOINT, note)])
        self._stood[target.origin] = target
        self.exported[target.origin] = target.tree.size
        return target.tree.size - done
