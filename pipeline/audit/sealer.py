"""What a sealer says, and when: checkpoints, manifests, and the events of its own log. Pure: time comes in.

a log has 1,000 events that no checkpoint has, or one for 10 s   →  its checkpoint
a checkpoint, at most every 10 s; else every 60 s                →  a manifest of all logs
a log is refused                                                 →  event log.refused, once
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipeline.audit.events import Chain, EventType, timestamp
from pipeline.audit.followed import Followed
from pipeline.audit.growth import HEADER as GROWTH
from pipeline.audit.growth import Growth
from pipeline.audit.manifest import Manifest
from pipeline.audit.merkle import Tree
from pipeline.audit.note import sign
from pipeline.audit.progress import HEADER, Progress
from pipeline.audit.signature import Signer
from pipeline.effects import Out
from pipeline.policy.topics import CHECKPOINTS, SEALER_AUDIT

LEAVES = 1_000
SECONDS = 10.0
IDLE = 60.0  # seconds

Sends = dict[tuple[str, int], list[Out]]
Told = tuple[EventType, Mapping[str, object]]


class Part(NamedTuple):
    """A log in a manifest: its checkpoint, signed, its tree, and how it grew since the manifest before."""

    origin: str
    note: bytes
    tree: Tree
    growth: Growth


class Sealed(NamedTuple):
    """A manifest, signed: what is stamped, and whose logs are cosigned."""

    time: str
    note: bytes
    parts: Sequence[Part]


class Sealer:
    """`name`: of its key in notes; `policy`: the hash that its events name; `logs` in the order of the manifest, the
    sealer's own the last, and read to its end."""

    def __init__(self, cluster: str, name: str, policy: str, signer: Signer, logs: Sequence[Followed]) -> None:
        self.cluster, self.name, self.signer, self.logs = cluster, name, signer, logs
        own = logs[-1]
        self._chain = Chain(0, policy, own.due, own.head.hex())
        self._told: set[str] = set()
        self._changed, self._last = True, -IDLE
        self._grown = {log.progress.origin: Growth.after(log.published.tree.size) for log in logs}
        self._sealed: list[Sealed] = []

    def sealed(self) -> list[Sealed]:
        """The manifests that rounds made since this was asked, in order: once they are written, they count."""
        found, self._sealed = self._sealed, []
        return found

    def round(self, now: float, time: int, *events: Told, notes: Sequence[Out] = (), last: bool = False) -> Sends:
        """What is to be written in one transaction. `now`: monotonic, in seconds; `time`: of day, in ms; `notes`: what
        others have signed; `last`: all that can be sealed is."""
        for log in self.logs:
            log.look(now)
        sends: Sends = {}
        checkpoints = [self._checkpoint(log, time) for log in self.logs if _is_due(log, now, last)]
        self._changed |= bool(checkpoints)
        if last or now - self._last >= (SECONDS if self._changed else IDLE):
            checkpoints.append(self._manifest(time))
            self._changed, self._last = False, now
        told = [*self._refusals(), *events]
        if checkpoints or notes:
            sends[CHECKPOINTS, 0] = [*checkpoints, *notes]
        if told:
            sends[SEALER_AUDIT, 0] = self._events(told, time)
        return sends

    def _checkpoint(self, log: Followed, time: int) -> Out:
        progress, growth = log.progress, log.growth
        log.sealed()
        self._grown[progress.origin] = self._grown[progress.origin].extend(growth)
        note = self._sign(progress.checkpoint.text())
        headers = (HEADER, self._sign(progress.text())), (GROWTH, growth.encode())
        return Out(progress.checkpoint.key, note, time, headers)

    def _manifest(self, time: int) -> Out:
        logs = [log.published.checkpoint for log in self.logs]
        manifest = Manifest(self.cluster, timestamp(time).decode(), logs)
        note = self._sign(manifest.text())
        self._sealed.append(Sealed(manifest.time, note, [self._part(log.published) for log in self.logs]))
        self._grown = {log.progress.origin: Growth.after(log.published.tree.size) for log in self.logs}
        return Out(manifest.key, note, time)

    def _part(self, published: Progress) -> Part:
        """The same bytes as its checkpoint's: Ed25519 signs nothing twice in two ways."""
        note = self._sign(published.checkpoint.text())
        return Part(published.origin, note, published.tree, self._grown[published.origin])

    def _sign(self, text: str) -> bytes:
        return sign(text, self.name, self.signer.key).encode()

    def _refusals(self) -> list[Told]:
        told = list[Told]()
        for log in self.logs:
            if log.refused is not None and log.progress.origin not in self._told:
                self._told.add(log.progress.origin)
                reason, offset, what = log.refused
                resource = {"log": log.progress.origin, "offset": str(offset), "sealed": str(log.progress.tree.size)}
                fields = {"reason": reason.value, "detail": what, "resource": resource}
                told.append((EventType.LOG_REFUSED, fields))
        return told

    def _events(self, told: Sequence[Told], time: int) -> list[Out]:
        made = [self._chain.event(type_, timestamp(time), **fields) for type_, fields in told]
        key, event = made[-1]
        made[-1] = key, self._chain.sign_last(event, self.signer, self.logs[-1].progress.origin)
        return [Out(key, event, time) for key, event in made]


def _is_due(log: Followed, now: float, last: bool) -> bool:
    grown = log.progress.tree.size - log.published.tree.size
    waited = log.grown_at is not None and now - log.grown_at >= SECONDS
    return grown >= LEAVES or (grown > 0 and (last or waited))
