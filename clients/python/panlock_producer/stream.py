"""A stream: one producer's run, with a sequence on each partition. It signs and seals batches; it sends nothing."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from panlock_producer.codec import (
    CERTIFICATES,
    ENVELOPE,
    IDENTITY,
    MAX_LEAVES,
    RESERVED,
    SALT,
    SEALED_KEY,
    Header,
    Place,
    associated_data,
    content_hash,
    envelope,
    head,
    leaf_hash,
    signed_bytes,
    tree,
)
from panlock_producer.errors import RecordError
from panlock_producer.identity import Identity
from panlock_producer.seal import HOUR_MS, DataKey, Recipient, data_key, seal

KEPT = 8  # chains and data keys that a partition remembers to have brought
REPEAT_MS = 600_000  # chain and data key go along again: a reader that begins late finds them


class Unsigned(NamedTuple):
    """A record as the application gives it; its partition is chosen."""

    place: Place
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header] = ()


class Signed(NamedTuple):
    """A record as Kafka gets it. `carries`: what `delivered` is to be told, where it brought a chain or data key."""

    place: Place
    key: bytes | None
    value: bytes | None
    headers: list[Header]
    carries: tuple[bytes, ...]


@dataclass(slots=True)
class _Partition:
    """`known`: what a delivered record has brought there, by content; and when it was last sent along."""

    sequence: int = 0
    known: set[bytes] = field(default_factory=set)
    sent: dict[bytes, int] = field(default_factory=dict)


class Stream:
    """Safe for threads. `seal_to` None: records stay clear."""

    def __init__(
        self,
        identity: Identity,
        seal_to: Recipient | None,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._identity, self._seal_to, self._now, self._random = identity, seal_to, now, random
        self.id = random(16)
        self._partitions: dict[Place, _Partition] = {}
        self._data_keys: dict[tuple[str, bytes], tuple[int, DataKey]] = {}  # by topic; the hour's alone
        self._lock = threading.Lock()

    def renew(self, identity: Identity) -> None:
        """Sign with another certificate of the same principal from now on. Raises RecordError."""
        if identity.principal != self._identity.principal:
            raise RecordError("another principal's certificate: start another producer for it")
        with self._lock:
            self._identity = identity

    def reseal(self, seal_to: Recipient) -> None:
        """Seal to another key of the workers from now on, with a new data key."""
        with self._lock:
            self._seal_to, self._data_keys = seal_to, {}

    def sign(self, records: Sequence[Unsigned]) -> list[Signed]:
        """In the order in which they must be sent. Raises RecordError: then none of them may be sent."""
        if not 1 <= len(records) <= MAX_LEAVES:
            raise RecordError(f"a batch has 1 to {MAX_LEAVES} records, not {len(records)}")
        for record in records:
            check(record)
        with self._lock:
            return self._sign(records)

    def delivered(self, signed: Signed) -> None:
        if signed.carries:
            with self._lock:
                self._partitions[signed.place].known.update(signed.carries)

    def failed(self, signed: Signed) -> None:
        """Nobody knows what came through: chain and data key go along until something is delivered again."""
        with self._lock:
            self._partitions[signed.place].known.clear()

    def _sign(self, records: Sequence[Unsigned]) -> list[Signed]:
        identity, now = self._identity, self._now()
        drafts = [self._draft(record, identity, now) for record in records]
        root, paths = tree([leaf for _, _, leaf in drafts])
        signature = identity.sign(signed_bytes(len(drafts), root))
        for index, (signed, start, _) in enumerate(drafts):
            signed.headers.append((ENVELOPE, envelope(start, len(drafts), index, paths[index], signature)))
        return [signed for signed, _, _ in drafts]

    def _draft(self, record: Unsigned, identity: Identity, now: int) -> tuple[Signed, bytes, bytes]:
        """The record but for its envelope, its head, its leaf."""
        place = record.place
        partition = self._partitions.setdefault(place, _Partition())
        sequence, salt = partition.sequence, self._random(16)
        sealing = self._data_key(place, identity, now)
        start = head(identity.algorithm, identity.x5t, self.id, sequence, now, sealing.digest if sealing else b"")
        associated = associated_data(place, identity.principal, start)
        key, value = record.key, record.value
        if sealing:
            key, value = seal(sealing.cipher, place, sequence, associated, key, value)
        partition.sequence += 1
        own: list[Header] = [*record.headers, (IDENTITY, identity.principal.encode())]
        leaf = leaf_hash(associated, content_hash(salt, key, value, own))
        brought = [(CERTIFICATES, identity.x5t, identity.header)]
        if sealing:
            brought.append((SEALED_KEY, sealing.digest, sealing.header))
        due = [each for each in brought if _due(partition, each[1], now)]
        headers = [*own, (SALT, salt), *((name, header) for name, _, header in due)]
        return Signed(place, key, value, headers, tuple(digest for _, digest, _ in due)), start, leaf

    def _data_key(self, place: Place, identity: Identity, now: int) -> DataKey | None:
        if self._seal_to is None:
            return None
        topic, hour = (place.cluster, place.topic_id), now // HOUR_MS
        known = self._data_keys.get(topic)
        if known is None or known[0] != hour:
            known = hour, data_key(self._seal_to, place, identity.principal, self.id, hour)
            self._data_keys[topic] = known
        return known[1]


def check(record: Unsigned) -> None:
    """Before it joins a batch, so that it cannot fail its neighbours. Raises RecordError."""
    named = [name for name, _ in record.headers]
    contents = [record.key, record.value, *(content for _, content in record.headers)]
    if not all(content is None or isinstance(content, bytes) for content in contents):
        raise RecordError("key, value and headers are bytes or None: serialize them first")
    if not all(isinstance(name, str) and _is_utf8(name) for name in named):
        raise RecordError("a header's name is text that UTF-8 can hold")
    if any(name.startswith(RESERVED) for name in named):
        raise RecordError(f"headers that begin with {RESERVED} are Panlock's own: leave them to this kit")


def _is_utf8(name: str) -> bool:
    try:
        return bool(name.encode()) or not name
    except UnicodeEncodeError:
        return False


def _due(partition: _Partition, digest: bytes, now: int) -> bool:
    if digest in partition.known and now - partition.sent[digest] < REPEAT_MS:
        return False
    if digest not in partition.sent and len(partition.sent) >= KEPT:  # data keys of hours long gone
        oldest = min(partition.sent, key=partition.sent.__getitem__)
        del partition.sent[oldest]
        partition.known.discard(oldest)
    partition.sent[digest] = now
    return True
