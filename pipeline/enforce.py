"""The way of a record, on one page: verify, mask, assess, decide, tell.

`enforce` does the stateless half on a whole chunk, in a thread: who wrote each record, what of it is masked, which
hold rule matches. `decide` does the rest in the lane's order, from its state, and returns what is to be done.

    chunk of quarantine.payments.checkout/3
      enforce   verify  identity header = checkout, or rejected: identity-mismatch
                        signed: the envelope holds for this record in this place (pipeline.identity.verifier)
                mask    field rules, then the scan of all that is left, or rejected: malformed-json at byte 17
                assess  the first hold rule that matches the masked record
      decide    signed? its certificate may be denied, its sequence seen before (pipeline.attest)
                behind a held record of the same key?  wait in its queue
                a rule matched?                        a grant of it is open? release (pipeline.grants)
                                                       hold: panlock.pending, until decisions or expiry (pipeline.holds)
                else                                   release to clean.payments, partition 3
                tell    one audit event; a rejection to panlock.rejections.checkout; where the flow records, its
                        masked bytes to panlock.recordings.payments, or what is known of one that was rejected
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

from pipeline.attest import attest
from pipeline.effects import Effects
from pipeline.grants import grant_for, release_under
from pipeline.holds import Messages, drain_all, hear, tick, wait
from pipeline.identity.envelope import Place
from pipeline.identity.headers import verify
from pipeline.identity.proof import Proof, Proofs, told
from pipeline.identity.verifier import Opened, joined, refused_all
from pipeline.masking.face import REASONS, Masked
from pipeline.masking.formats.format import SchemasUnavailableError
from pipeline.record import Reason, Record, Unreadable
from pipeline.recorder import Recorder
from pipeline.releases import Releases
from pipeline.revealing import Revealed
from pipeline.source import Context, Source
from pipeline.state import State, encode_position, key_digest, next_key
from pipeline.turn import Parked, Turn

HEADER_REASONS = frozenset(
    (
        *(Reason.IDENTITY_MISSING, Reason.IDENTITY_DUPLICATE, Reason.IDENTITY_MISMATCH, Reason.INVALID_UTF8),
        *(Reason.ENVELOPE_MISSING, Reason.ENVELOPE_DUPLICATE, Reason.ENVELOPE_MALFORMED, Reason.ENVELOPE_STALE),
    )
)


@dataclass(frozen=True, slots=True)
class Enforced:
    """A chunk of one input partition after the stateless half: a Masked, or why it was refused, for each record.

    `revealed`: values for recordings that keep card numbers, encrypted.
    """

    source: Source
    partition: int
    records: Sequence[Record]
    results: Sequence[Masked | Reason]
    end: int
    proofs: Proofs | None = None
    revealed: Revealed | None = None


def enforce(
    source: Source, partition: int, records: Sequence[Record], end: int, place: Place | None = None
) -> Enforced:
    """Verify, mask and assess a chunk. Content never raises: what cannot be enforced is rejected.

    `place`: where signed records were written. Raises SchemasUnavailableError and KeysError, whatever the content.
    """
    if source.identity == "signed":
        return _enforce_signed(source, partition, records, end, place)
    refused = {
        index: reason
        for index, record in enumerate(records)
        if (record.headers or source.identity != "broker") and (reason := _verify(source, record)) is not None
    }
    wanted = [record for index, record in enumerate(records) if index not in refused] if refused else records
    keys, values = [record.key for record in wanted], [record.value for record in wanted]
    masked = iter(_mask(source, keys, values, [record.headers for record in wanted]))
    results = [refused[index] if index in refused else next(masked) for index in range(len(records))]
    revealed = _reveal(source, partition, [record.offset for record in wanted], values)
    return Enforced(source, partition, records, results, end, revealed=revealed)


def _verify(source: Source, record: Record) -> Reason | None:
    if isinstance(record, Unreadable):
        return record.reason
    headers = record.headers
    if any("\udc80" <= letter <= "\udcff" for name, _ in headers if not name.isascii() for letter in name):
        return Reason.INVALID_UTF8  # panlock_kernel.Record gives such bytes as surrogates
    return verify(source.principal, source.identity, headers)


def _enforce_signed(
    source: Source, partition: int, records: Sequence[Record], end: int, place: Place | None
) -> Enforced:
    opened = _open(source, records, place)
    masked = iter(_mask(source, opened.keys, opened.values, opened.headers))
    results = [
        next(masked) if refusal is None else record.reason if isinstance(record, Unreadable) else refusal
        for record, refusal in zip(records, opened.refusals, strict=True)
    ]
    passed = [record.offset for record, refusal in zip(records, opened.refusals, strict=True) if refusal is None]
    revealed = _reveal(source, partition, passed, opened.values)
    return Enforced(source, partition, records, results, end, opened.proofs, revealed)


def _reveal(source: Source, partition: int, offsets: Sequence[int], values: Sequence[bytes | None]) -> Revealed | None:
    return None if source.revealer is None else source.revealer.reveal(partition, source.principal, offsets, values)


def _open(source: Source, records: Sequence[Record], place: Place | None) -> Opened:
    if source.signed is None or place is None:
        return refused_all(len(records), Reason.INTERNAL_ERROR)
    verifier, terms = source.signed
    try:
        return verifier.verify(terms, place, records)
    except Exception:  # noqa: BLE001  # as below
        if len(records) == 1:
            return refused_all(1, Reason.INTERNAL_ERROR)
        return joined([_open(source, [record], place) for record in records])


def _mask(
    source: Source,
    keys: list[bytes | None],
    values: list[bytes | None],
    headers: Sequence[Sequence[tuple[str, bytes | None]]],
) -> Sequence[Masked | Reason]:
    try:
        masked: list[Masked] = source.masker.enforce(  # type: ignore[assignment]  # tuples of that very shape
            source.principal, keys, values, list(headers)
        )
        return masked
    except SchemasUnavailableError:
        raise
    except Exception:  # noqa: BLE001  # a defect or a kernel panic: find the record that provokes it, reject it alone
        if len(keys) == 1:
            return [Reason.INTERNAL_ERROR]
        alone = zip(keys, values, headers, strict=True)
        return [_mask(source, [key], [value], [headed])[0] for key, value, headed in alone]


def decide(
    batch: Sequence[Enforced | Messages], state: State, context: Context, now: int, ticking: bool = False
) -> Effects:
    """What a batch comes to. `now` in ms; `ticking`: a tick is on its way already.

    Pure: the same batch, state, context and `now` give the same effects.
    """
    turn = Turn(context, state, now)
    drain_all(turn)
    for item in batch:
        if isinstance(item, Messages):
            hear(turn, item)
        else:
            _decide_chunk(turn, item)
    if not ticking:
        tick(turn)
    return turn.finish()


def _decide_chunk(turn: Turn, chunk: Enforced) -> None:
    source, partition, view = chunk.source, chunk.partition, turn.view
    released = Releases(turn, source, partition)
    recorder = None if source.recordings is None else Recorder(turn, source, source.recordings, chunk.revealed)
    position, topic_id = view.position(source.topic, partition) or 0, turn.context.topic_ids[source.topic]
    needs_key = source.clean in turn.context.compacted

    def reject(record_id: str, record: Record, reason: Reason, place: str | None, proof: Proof | None) -> None:
        turn.reject(source, record_id, reason, place, told(proof))
        if recorder is not None:
            recorder.refuse(record_id, record, reason, place, proof)

    for record, result, proof in _unread(turn, chunk, position):
        record_id = f"{source.topic}/{partition}/{record.offset}"
        if not isinstance(result, tuple):
            reject(record_id, record, result, "header" if result in HEADER_REASONS else None, proof)
            continue
        verdict, detail, key, value, headers, masking, more, sha256 = result
        if verdict < 0:
            reject(record_id, record, REASONS[-verdict - 1], detail, proof)
            continue
        if key is None and needs_key:
            reject(record_id, record, Reason.KEY_MISSING, "key", proof)
            continue
        if headers is None:
            headers = tuple(record.headers) if proof is None else proof[5]
        if recorder is not None:
            recorder.take(record_id, record, key, value, headers, proof)
        if verdict == 0 and not view.blocking:
            released.add(record_id, record.timestamp, key, value, headers, masking, more, sha256, proof)
            continue
        parked = Parked(
            *(record_id, partition, record.timestamp, key, value, headers, masking, more, sha256, topic_id, told(proof))
        )
        if source.ordered and key is not None and wait(turn, source, parked, key_digest(key)):
            continue
        if verdict == 0:
            released.add(record_id, record.timestamp, key, value, headers, masking, more, sha256, proof)
        elif (grant := grant_for(turn, source, parked, verdict, detail)) is not None:
            released.finish()
            release_under(turn, source, parked, grant, None)
        else:
            turn.hold(source, parked, verdict, detail, record.timestamp)
    released.finish()
    view.put(next_key(source.topic, partition), encode_position(max(position, chunk.end)))


def _unread(turn: Turn, chunk: Enforced, position: int) -> Iterator[tuple[Record, Masked | Reason, Proof | None]]:
    """Records at or behind the lane's position; what lies before it has been decided."""
    records, results = chunk.records, chunk.results
    first = next((index for index, record in enumerate(records) if record.offset >= position), len(records))
    if first:
        records, results = records[first:], results[first:]
    denied = turn.denied("principal", chunk.source.principal)
    if chunk.proofs is None:
        return zip(records, repeat(Reason.CERTIFICATE_DENIED) if denied else results, repeat(None))
    proofs = chunk.proofs.proofs[first:]
    results = attest(turn, chunk.source, chunk.partition, chunk.proofs, records, results, proofs)
    return zip(records, results, proofs, strict=True)
