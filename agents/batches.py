"""Record batches as aiokafka's fetcher iterates over them, read by the kernel.

The kernel checks a batch and finds its records in a tenth of the time, makes Python's objects only of what is asked
for, and stumbles over nothing: Kafka takes any bytes as a header's name, where aiokafka raises in the middle of a
fetch and moves the position past records that nobody saw. Such a name is given out with surrogates: enforcement
rejects the record as invalid-utf8.

aiokafka decompresses whatever a batch holds. Here a batch that is too large, or that cannot be unpacked, is given out
as Unreadable, one for each of its offsets: enforcement rejects them with that reason.
"""

import struct
from collections.abc import Iterator
from typing import Any

import aiokafka.consumer.fetcher as fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import ConsumerRecord

from agents.decompression import FORMAT, LIMIT, RefusedBatchError, decompress, is_compressed, span
from pipeline.batch import Fetched, Record, is_whole_batch, read_batch
from pipeline.record import Reason, Unreadable

ENOUGH = 16 << 20  # decompressed bytes of one fetch, after which the rest is fetched again: small batches add up
_LENGTH, _OVERHEAD = struct.Struct(">8xi"), 12  # base offset (i64), batch length (i32)


class _Batch:
    """Of aiokafka's batch its header alone. Decompressed when it is iterated over: batches that were aborted never
    are."""

    def __init__(self, header: Any, batches: "_Batches") -> None:
        self._header, self._batches = header, batches

    def __getattr__(self, name: str) -> Any:
        return getattr(self._header, name)

    def validate_crc(self) -> bool:
        return self._batches.is_whole()

    def __iter__(self) -> Iterator[Record]:
        records, whole = self._batches.read()
        return iter(records) if whole else _malformed_behind(records)

    def __next__(self) -> Record:
        """The first one: of a control batch, which has no other."""
        return next(iter(self))


def _malformed_behind(records: list[Record]) -> Iterator[Record]:
    yield from records
    raise CorruptRecordException("a record batch is malformed")


class _Batches:
    """aiokafka's MemoryRecords, which also knows where the batch lies that it gave out last."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._from, self._to = raw, 0, 0
        self._batches = MemoryRecords(raw)
        self._unpacked = 0
        self._was_unpacked = False
        self.size_in_bytes = self._batches.size_in_bytes

    def has_next(self) -> bool:
        return self._unpacked < ENOUGH and self._batches.has_next()

    def next_batch(self) -> Any:
        self._from, self._was_unpacked = self._to, False
        if self.has_next():
            self._to += _OVERHEAD + _LENGTH.unpack_from(self._raw, self._from)[0]
        header = self._batches.next_batch()
        if header is not None and self._raw[self._from + FORMAT] != 2:
            raise CorruptRecordException("a record batch is not of format 2, which Kafka writes since 0.11")
        return header and _Batch(header, self)

    def raw(self) -> bytes:
        return self._raw[self._from : self._to]

    def was_unpacked(self) -> bool:
        """The checksum of the batch was right, and its records are read."""
        return self._was_unpacked

    def is_whole(self) -> bool:
        """Whether its checksum is right."""
        return is_whole_batch(self._raw, self._from, self._to)

    def read(self) -> tuple[list[Record], bool]:
        """Its records in front of what is malformed, and whether nothing is. Raises RefusedBatchError."""
        if not is_compressed(memoryview(self._raw)[self._from : self._to]):
            return read_batch(self._raw, self._from, self._to)
        self._was_unpacked = True
        self._unpacked += LIMIT  # until it is known; what is refused has cost as much
        plain = decompress(self.raw())
        self._unpacked += len(plain) - LIMIT
        return read_batch(plain, 0, len(plain))


class _Records(fetcher.PartitionRecords):
    """Each as it is read, which is offset, timestamp, key, value and headers (pipeline.record.Record), without topic
    and partition."""

    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[Any]:
        while True:
            try:
                yield from super()._unpack_records()
                return
            except RefusedBatchError as error:
                reason = error.reason
            except CorruptRecordException:
                if not self._records.was_unpacked():
                    raise
                reason = Reason.INTERNAL_ERROR
            yield from self._refused(reason)  # behind the handlers: the exception holds what was decompressed

    def _refused(self, reason: Reason) -> Iterator[Any]:
        offsets, timestamp = span(self._records.raw())
        for offset in range(max(offsets.start, self.next_fetch_offset), offsets.stop):
            self.next_fetch_offset = offset + 1
            yield self._consumer_record(self._tp, Unreadable(offset, timestamp, reason))

    def _consumer_record(self, tp: Any, record: Fetched) -> Any:
        return record


class _ConsumerRecords(_Records):
    def _consumer_record(self, tp: Any, record: Fetched) -> ConsumerRecord[bytes, bytes]:
        key, value = record.key, record.value
        sizes = [-1 if part is None else len(part) for part in (key, value)]
        return ConsumerRecord(*tp, record.offset, record.timestamp, 1, key, value, None, *sizes, record.headers)


def read_batches() -> None:
    """Make aiokafka's consumers read this way. Idempotent; affects this process only."""
    fetcher.MemoryRecords, fetcher.PartitionRecords = _Batches, _ConsumerRecords


def give_records_as_read() -> None:
    """As read_batches, without a copy of each record, which the worker does not need: consumers give out Fetched."""
    fetcher.MemoryRecords, fetcher.PartitionRecords = _Batches, _Records
