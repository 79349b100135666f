"""What the lane's state says of signed records: is their certificate denied, was their sequence seen before?

Also what is kept of them: a certificate's chain and a sealed data key at their first use, and each stream's mark. All
of it goes again once nothing that it belongs to could be accepted any more.
"""

from base64 import b64encode
from collections.abc import Sequence

from pipeline.audit.events import EventType, timestamp
from pipeline.identity.certificates import parse_certificate, parse_chain
from pipeline.identity.marks import Mark
from pipeline.identity.proof import Known, Proof, Proofs, Sealed
from pipeline.identity.sealing import parse_sealed_key
from pipeline.keys.opened import seal_name
from pipeline.masking.face import Masked
from pipeline.record import Reason, Record
from pipeline.source import Source
from pipeline.state import (
    CERTIFICATE_PREFIX,
    SEALED_PREFIX,
    VERSION,
    State,
    certificate_key,
    decode_certificate,
    decode_sealed,
    encode_certificate,
    encode_sealed,
    mark_key,
    payload,
    sealed_key,
)
from pipeline.turn import Turn

SWEEP = 1_000  # keys looked at when one is added: what is spent goes as fast as new ones come
HOUR = 3_600_000  # ms: the life of a data key
KNOWN = 100_000  # certificates, and sealed keys, that an opening lane takes over


def known(state: State) -> tuple[list[tuple[int, bytes]], list[Sealed]]:
    """Chains and sealed keys that the lane knows: the records that brought them lie behind its position."""
    chains = [value for key in state.keys(CERTIFICATE_PREFIX, KNOWN) if (value := state.get(key))]
    sealed = [value for key in state.keys(SEALED_PREFIX, KNOWN) if (value := state.get(key))]
    return [decode_certificate(each) for each in chains], [decode_sealed(each) for each in sealed]


def attest(
    turn: Turn,
    source: Source,
    partition: int,
    chunk: Proofs,
    records: Sequence[Record],
    results: Sequence[Masked | Reason],
    proofs: Sequence[Proof | None],
) -> list[Masked | Reason]:
    """`results`, with a reason where the state refuses a record. Records that were refused before leave no trace."""
    attested = list(results)
    streams, denied = _Streams(turn, source, partition), dict[bytes, bool]()
    certificate = stream = b""
    number = -1
    take = _refuse
    for index, (record, proof) in enumerate(zip(records, proofs, strict=True)):
        if proof is None:
            continue
        if proof[0] is not certificate or proof[1] is not stream or proof[3] != number:  # objects of the kernel's
            certificate, stream, _, number, _, _ = proof
            if certificate not in denied:
                known = chunk.certificates[certificate]
                denied[certificate] = _denied(turn, known)
                _first_use(turn, source, record, known)  # a denied one's, too: the denial may be taken back
            _keep_sealed_key(turn, source, partition, record.timestamp, chunk, number)
            take = _refuse if denied[certificate] else streams.mark(stream).take
        if not take(proof[2], record.timestamp):
            attested[index] = Reason.CERTIFICATE_DENIED if denied[certificate] else Reason.REPLAYED
    streams.finish()
    return attested


def _refuse(sequence: int, time: int) -> bool:
    """A denied certificate's records leave no mark: they may be sent again once it is accepted."""
    return False


def _denied(turn: Turn, known: Known) -> bool:
    certificate = known.certificate
    return (
        turn.denied("certificate", certificate.x5t.hex())
        or turn.denied("serial", f"{certificate.serial:x}")
        or turn.denied("principal", certificate.principal)
    )


class _Streams:
    """The marks of a partition's streams while a chunk is decided."""

    def __init__(self, turn: Turn, source: Source, partition: int) -> None:
        self._turn, self._source, self._partition = turn, source, partition
        self._marks: dict[bytes, Mark] = {}
        self._new: set[bytes] = set()

    def mark(self, stream: bytes) -> Mark:
        mark = self._marks.get(stream)
        if mark is None:
            value = self._turn.view.get(self._key(stream))
            if value is None:
                self._new.add(stream)
            mark = self._marks[stream] = Mark() if value is None else Mark.decode(payload(value))
        return mark

    def finish(self) -> None:
        for stream, mark in self._marks.items():
            if mark.missing is not None:
                self._tell(stream, mark, mark.missing)
            if stream in self._new:
                self._sweep(stream, mark.time)
            self._turn.view.put(self._key(stream), VERSION + mark.encode())

    def _key(self, stream: bytes) -> bytes:
        return mark_key(self._source.topic, self._partition, stream.hex())

    def _tell(self, stream: bytes, mark: Mark, missing: tuple[int, int]) -> None:
        """One event a chunk and stream. Of a new stream nobody knows whether it began here or rested for long."""
        first, last = missing
        start = {} if stream in self._new and first == 0 else {"from": str(first)}
        self._turn.event(
            EventType.SEQUENCE_GAP,
            actor={"principal": self._source.principal},
            resource={"topic": self._source.topic, "partition": self._partition, "stream": stream.hex()},
            missing={**start, "to": str(last), "records": str(mark.skipped)},
        )

    def _sweep(self, stream: bytes, now: int) -> None:
        """Drop marks that are spent, of those whose streams begin like the new one: streams are random."""
        assert self._source.signed is not None  # noqa: S101  # its records have proofs
        window = self._source.signed[1].window
        view = self._turn.view
        for key in view.state.keys(mark_key(self._source.topic, self._partition, stream.hex()[:1]), SWEEP):
            value = view.get(key)
            if value is not None and Mark.decode(payload(value)).spent(now, window):
                view.put(key, None)


def _first_use(turn: Turn, source: Source, record: Record, known: Known) -> None:
    certificate, view = known.certificate, turn.view
    key = certificate_key(certificate.x5t)
    if view.get(key) is not None:
        return
    spent = record.timestamp - 2 * _window(source)
    for former in view.state.keys(CERTIFICATE_PREFIX, SWEEP):
        value = view.get(former)
        if value is not None and _ended(value) < spent:
            view.put(former, None)
    view.put(key, encode_certificate(record.timestamp, known.chain))
    turn.event(
        EventType.CERTIFICATE_SEEN,
        actor={"principal": source.principal, "certificate": certificate.x5t.hex()},
        certificate={
            "serial": f"{certificate.serial:x}",
            "spiffe": certificate.spiffe,
            "from": timestamp(certificate.not_before).decode(),
            "to": timestamp(certificate.not_after).decode(),
            "chain": [b64encode(der).decode() for der in parse_chain(known.chain)],
        },
    )


def _ended(value: bytes) -> int:
    """Until when (ms) the leaf of a kept chain is valid."""
    _, chain = decode_certificate(value)
    return int(parse_certificate(parse_chain(chain)[0]).not_valid_after_utc.timestamp() * 1_000)


def _keep_sealed_key(turn: Turn, source: Source, partition: int, now: int, chunk: Proofs, number: int) -> None:
    known = chunk.sealed_keys[number] if number >= 0 else None
    if known is None:
        return
    name, sealed = known
    key = sealed_key(source.topic, partition, name.hex())
    if turn.view.get(key) is not None:
        return
    spent = now - 2 * _window(source) - HOUR
    for former in turn.view.state.keys(sealed_key(source.topic, partition, name.hex()[:1]), SWEEP):
        value = turn.view.get(former)
        if value is not None and decode_sealed(value).time < spent:
            turn.view.put(former, None)
    turn.view.put(key, encode_sealed(sealed))
    turn.use_key(seal_name(parse_sealed_key(sealed.header).recipient))


def _window(source: Source) -> int:
    assert source.signed is not None  # noqa: S101  # its records have proofs
    return source.signed[1].window
