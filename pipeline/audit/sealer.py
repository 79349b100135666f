"""What a sealer says, and when: checkpoints, manifests, and the events of its own log. Pure: time comes in.

a log has 1,000 events that no checkpoint has, or one for 10 s   →  its checkpoint
a checkpoint, at most every 10 s; else every 60 s                →  a manifest of all logs
a log is refused                                                 →  event log.refused, once
"""

from collections.abc import Mapping, Sequence

from pipeline.audit.events import Chain, EventType, timestamp
from pipeline.audit.followed import Followed
from pipeline.audit.manifest import Manifest
from pipeline.audit.note import sign
from pipeline.audit.progress import HEADER
from pipeline.audit.signature import Signer
from pipeline.effects import Out
from pipeline.policy.topics import CHECKPOINTS, SEALER_AUDIT

LEAVES = 1_000
SECONDS = 10.0
IDLE = 60.0  # seconds

Sends = dict[tuple[str, int], list[Out]]
Told = tuple[EventType, Mapping[str, object]]


class Sealer:
    """`name`: of its key in notes; `policy`: the hash that its events name; `logs` in the order of the manifest, the
    sealer's own the last, and read to its end."""

    def __init__(self, cluster: str, name: str, policy: str, signer: Signer, logs: Sequence[Followed]) -> None:
        self.cluster, self.name, self.signer, self.logs = cluster, name, signer, logs
        own = logs[-1]
        self._chain = Chain(0, policy, own.due, own.head.hex())
        self._told: set[str] = set()
        self._changed, self._last = True, -IDLE

    def round(self, now: float, time: int, *events: Told, last: bool = False) -> Sends:
        """What is to be written in one transaction. `now`: monotonic, in seconds; `time`: of day, in ms; `last`: all
        that can be sealed is."""
        for log in self.logs:
            log.look(now)
        sends: Sends = {}
        checkpoints = [self._checkpoint(log, time) for log in self.logs if _is_due(log, now, last)]
        self._changed |= bool(checkpoints)
        if last or now - self._last >= (SECONDS if self._changed else IDLE):
            checkpoints.append(self._manifest(time))
            self._changed, self._last = False, now
        told = [*self._refusals(), *events]
        if checkpoints:
            sends[CHECKPOINTS, 0] = checkpoints
        if told:
            sends[SEALER_AUDIT, 0] = self._events(told, time)
        return sends

    def _checkpoint(self, log: Followed, time: int) -> Out:
        progress = log.progress
        log.sealed()
        note = sign(progress.checkpoint.text(), self.name, self.signer.key)
        stand = sign(progress.text(), self.name, self.signer.key)
        return Out(progress.checkpoint.key, note.encode(), time, ((HEADER, stand.encode()),))

    def _manifest(self, time: int) -> Out:
        logs = [log.published.checkpoint for log in self.logs]
        manifest = Manifest(self.cluster, timestamp(time).decode(), logs)
        return Out(manifest.key, sign(manifest.text(), self.name, self.signer.key).encode(), time)

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
