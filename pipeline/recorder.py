"""Records of one chunk as a flow's recordings keep them: the hot path, so what is the same for all is made once."""

from pipeline.effects import Out
from pipeline.identity.proof import Proof, told
from pipeline.record import Headers, Reason, Record, Unreadable
from pipeline.recording import MARK, refused_mark
from pipeline.revealing import Revealed
from pipeline.source import Source
from pipeline.turn import BATCH_OVERHEAD, HEADER_OVERHEAD, RECORD_OVERHEAD, Turn, batch_bytes

_out = tuple.__new__  # as in pipeline.releases
_NAMES = (
    "panlock-recording",
    "panlock-principal",
    "panlock-policy",
    "panlock-key",
    "panlock-envelope",
    "panlock-reveal",
)


class Recorder:
    """`take` keeps a masked record, `refuse` tells of one that could not be masked; `topic`: where."""

    def __init__(self, turn: Turn, source: Source, topic: str, revealed: Revealed | None) -> None:
        self._turn, self._principal, self._revealed = turn, source.principal.encode(), revealed
        self._outs = turn.effects.sends.setdefault((topic, turn.context.lane), [])
        self._own = self._marked(MARK)
        fixed = sum(len(name) + HEADER_OVERHEAD for name in _NAMES) + len(self._principal) + len(turn.policy)
        self._room = turn.context.limits[topic] - fixed - len(MARK) - BATCH_OVERHEAD - RECORD_OVERHEAD

    def _marked(self, mark: bytes) -> Headers:
        return (
            ("panlock-recording", mark),
            ("panlock-principal", self._principal),
            ("panlock-policy", self._turn.policy),
        )

    def take(
        self,
        record_id: str,
        record: Record,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        proof: Proof | None,
    ) -> None:
        """A value that reveals and does not fit is kept as masked; what does not fit so is told of: too-large."""
        own, size = self._own, len(record_id)
        if key is not None:
            own, size = (*own, ("panlock-key", key)), size + len(key)
        if proof is not None:
            envelope = told(proof)
            own, size = (*own, ("panlock-envelope", envelope)), size + len(envelope or b"")
        if headers:
            size += batch_bytes(None, None, headers)
        revealed = None if self._revealed is None else self._revealed.values.get(record.offset)
        if self._revealed is not None and revealed is not None:
            header = self._revealed.header
            if size + len(revealed) + len(header) <= self._room:
                own, value, size = (*own, ("panlock-reveal", header)), revealed, size + len(header)
        if size + len(value or b"") > self._room:
            mark = refused_mark(Reason.TOO_LARGE, "value", len(value or b""), None, None)
            self._outs.append(Out(record_id.encode(), None, record.timestamp, self._marked(mark)))
            return
        written = headers + own if headers else own
        self._outs.append(_out(Out, (record_id.encode(), value, record.timestamp, written)))

    def refuse(self, record_id: str, record: Record, reason: str, place: str | None, proof: Proof | None) -> None:
        key, length, hash_ = self._turn.context.hash_key, None, None
        if not isinstance(record, Unreadable):
            length = None if record.value is None else len(record.value)
            hash_ = None if key is None else key.hash(record)
        under = key.id if key is not None and hash_ is not None else None
        own = self._marked(refused_mark(reason, place, length, hash_, under))
        if proof is not None:
            own = (*own, ("panlock-envelope", told(proof)))
        self._outs.append(Out(record_id.encode(), None, record.timestamp, own))
