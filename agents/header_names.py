"""Reads what aiokafka would stumble over, so that one such record cannot stop a partition or hide its neighbours.

Kafka takes any bytes as a header's name; aiokafka decodes it strictly, raises in the middle of a fetch, and then moves
the position past records that nobody saw. Here such a batch is read again with `surrogateescape`: enforcement rejects
the record as invalid-utf8.

aiokafka decompresses whatever a batch holds. Here a batch that is too large, or that cannot be unpacked, is given out
as Unreadable, one for each of its offsets: enforcement rejects them with that reason.
"""

import struct
from collections.abc import Iterator
from typing import Any

import aiokafka.consumer.fetcher as fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import decode_varint_py
from aiokafka.structs import ConsumerRecord

from agents.decompression import LIMIT, RefusedBatchError, decompress, is_compressed, span
from pipeline.record import Reason, Unreadable

ENOUGH = 16 << 20  # decompressed bytes of one fetch, after which the rest is fetched again: small batches add up
_LENGTH, _OVERHEAD = struct.Struct(">8xi"), 12  # base offset (i64), batch length (i32)


class _Name(bytes):
    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return super().decode(encoding, "surrogateescape")


class _Buffer(bytearray):
    def __getitem__(self, index: Any) -> Any:
        content = super().__getitem__(index)
        return _Name(content) if isinstance(index, slice) else content


class _TolerantBatch(_DefaultRecordBatchPy):  # final for typing only
    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer: _Buffer = _Buffer(self._buffer)

    def _read_msg(self, decode_varint: Any = decode_varint_py) -> Any:  # the other one reads behind the buffer's end
        return super()._read_msg(decode_varint)


class _Compressed:
    """A compressed batch, decompressed when it is iterated over: batches that were aborted never are."""

    def __init__(self, batch: Any, batches: "_Batches") -> None:
        self._batch, self._batches = batch, batches

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(DefaultRecordBatch(self._batches.unpack()))


class _Batches:
    """aiokafka's MemoryRecords, which also knows the bytes of the batch it gave out last."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._from, self._to = memoryview(raw), 0, 0
        self._batches = MemoryRecords(raw)
        self._plain: bytes | None = None
        self._unpacked = 0
        self.size_in_bytes = self._batches.size_in_bytes

    def has_next(self) -> bool:
        return self._unpacked < ENOUGH and self._batches.has_next()

    def next_batch(self) -> Any:
        self._from, self._plain = self._to, None
        if self.has_next():
            self._to += _OVERHEAD + _LENGTH.unpack_from(self._raw, self._from)[0]
        batch = self._batches.next_batch()
        return _Compressed(batch, self) if is_compressed(self._raw[self._from : self._to]) else batch

    def raw(self) -> bytes:
        return bytes(self._raw[self._from : self._to])

    def was_unpacked(self) -> bool:
        """The checksum of the batch was right, and its records are read."""
        return self._plain is not None

    def unpack(self) -> bytes:
        """The batch without its compression. Raises RefusedBatchError."""
        self._plain = b""
        self._unpacked += LIMIT  # until it is known; what is refused has cost as much
        self._plain = decompress(self.raw())
        self._unpacked += len(self._plain) - LIMIT
        return self._plain

    def current(self) -> bytes:
        return self.raw() if self._plain is None else self._plain


class _TolerantRecords(fetcher.PartitionRecords):
    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[Any]:
        while True:
            try:
                yield from self._readable()
                return
            except RefusedBatchError as error:
                reason = error.reason
            except (CorruptRecordException, IndexError):
                if not self._records.was_unpacked():
                    raise
                reason = Reason.INTERNAL_ERROR
            yield from self._refused(reason)  # behind the handlers: the exception holds what was decompressed

    def _readable(self) -> Iterator[Any]:
        while True:
            try:
                yield from super()._unpack_records()
                return
            except UnicodeDecodeError:
                yield from self._with_raw_names()

    def _with_raw_names(self) -> Iterator[Any]:
        batch = _TolerantBatch(self._records.current())
        for record in batch:
            if record.offset >= self.next_fetch_offset:
                self.next_fetch_offset = record.offset + 1
                yield self._consumer_record(self._tp, record)
        self.next_fetch_offset = batch.next_offset

    def _refused(self, reason: Reason) -> Iterator[Any]:
        offsets, timestamp = span(self._records.raw())
        for offset in range(max(offsets.start, self.next_fetch_offset), offsets.stop):
            self.next_fetch_offset = offset + 1
            yield self._unreadable(Unreadable(offset, timestamp, reason))

    def _unreadable(self, record: Unreadable) -> Any:
        headers = record.headers
        return ConsumerRecord(*self._tp, record.offset, record.timestamp, 1, None, None, None, -1, -1, headers)


class _ParsedRecords(_TolerantRecords):
    def _consumer_record(self, tp: Any, record: Any) -> Any:
        return record

    def _unreadable(self, record: Unreadable) -> Any:
        return record


def tolerate_header_names() -> None:
    """Make aiokafka's fetcher read such batches. Idempotent; affects this process only."""
    fetcher.MemoryRecords, fetcher.PartitionRecords = _Batches, _TolerantRecords


def give_records_as_parsed() -> None:
    """As tolerate_header_names, and no copy of each record, which the worker does not need: it is offset,
    timestamp, key, value and headers (pipeline.record.Record), without topic and partition."""
    fetcher.MemoryRecords, fetcher.PartitionRecords = _Batches, _ParsedRecords
