"""Records of one chunk that are released at once: the hot path, so what is the same for all of them is made once."""

from pipeline.audit.events import EventType
from pipeline.effects import Out
from pipeline.identity.proof import Proof, told
from pipeline.record import Headers, Reason
from pipeline.source import Source
from pipeline.turn import BATCH_OVERHEAD, HEADER_OVERHEAD, RECORD_OVERHEAD, Turn, batch_bytes

_out = tuple.__new__  # a NamedTuple's own constructor costs twice as much


class Releases:
    """`add` sends one record to the clean topic and tells the audit; Turn.release is for those that waited."""

    def __init__(self, turn: Turn, source: Source, partition: int) -> None:
        self._turn, self._source = turn, source
        self._partition, self._outs = partition, list[Out]()
        self._principal = source.principal.encode()
        self._own: Headers = (("panlock-principal", self._principal), ("panlock-policy", turn.policy))
        names = ("panlock-record-id", *(name for name, _ in self._own))
        fixed = sum(len(name) + HEADER_OVERHEAD for name in names) + len(self._principal) + len(turn.policy)
        self._room = turn.context.limits[source.clean] - fixed - BATCH_OVERHEAD - RECORD_OVERHEAD

    def finish(self) -> None:
        """After the last one, and before a record goes there by another way: they keep their order."""
        if not self._outs:
            return
        outs, self._outs = self._outs, []
        sends, topic = self._turn.effects.sends, self._source.clean
        if self._source.spread is None:
            sends.setdefault((topic, self._partition), []).extend(outs)
        else:
            for out in outs:
                sends.setdefault((topic, self._source.clean_partition(out.key, self._partition)), []).append(out)
        self._turn.effects.outcomes[self._source.flow, "released", ""] += len(outs)
        self._turn.effects.events[EventType.RECORD_RELEASED] += len(outs)

    def add(
        self,
        record: str,
        timestamp: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        masking: bytes,
        more: bytes | None,
        sha256: bytes,
        proof: Proof | None,
    ) -> None:
        """`headers`: the producer's. Too large for the clean topic is a rejection."""
        turn, source = self._turn, self._source
        size = len(record) + len(key or b"") + len(value or b"")
        if size > self._room or (headers and size + batch_bytes(None, None, headers) > self._room):
            turn.reject(source, record, Reason.TOO_LARGE, "value", told(proof))
            return
        own = (("panlock-record-id", record.encode()), *self._own)
        out = _out(Out, (key, value, timestamp, headers + own if headers else own))
        self._outs.append(out)
        event_key, event = turn.chain.released(record, source.principal, sha256, masking, more, turn.time, proof)
        turn.audit.append(_out(Out, (event_key, event, turn.now, ())))
