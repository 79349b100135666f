"""Reads header names that are not UTF-8, so that one such record cannot stop a partition or hide its neighbours.

Kafka takes any bytes as a header's name; aiokafka decodes it strictly, raises in the middle of a fetch, and then moves
the position past records that nobody saw. Here such a batch is read again with `surrogateescape`: enforcement rejects
the record as invalid-utf8.
"""

import struct
from collections.abc import Iterator
from typing import Any

import aiokafka.consumer.fetcher as fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

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


class _Batches:
    """aiokafka's MemoryRecords, which also knows the bytes of the batch it gave out last."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._from, self._to = raw, 0, 0
        self._batches = MemoryRecords(raw)
        self.has_next, self.size_in_bytes = self._batches.has_next, self._batches.size_in_bytes

    def next_batch(self) -> Any:
        self._from = self._to
        if self.has_next():
            self._to += _OVERHEAD + _LENGTH.unpack_from(self._raw, self._from)[0]
        return self._batches.next_batch()

    def current(self) -> bytes:
        return bytes(self._raw[self._from : self._to])


class _TolerantRecords(fetcher.PartitionRecords):
    next_fetch_offset: int

    def _unpack_records(self) -> Iterator[Any]:
        while True:
            try:
                yield from super()._unpack_records()
                return
            except UnicodeDecodeError:
                batch = _TolerantBatch(self._records.current())
            for record in batch:
                if record.offset >= self.next_fetch_offset:
                    self.next_fetch_offset = record.offset + 1
                    yield self._consumer_record(self._tp, record)
            self.next_fetch_offset = batch.next_offset


class _ParsedRecords(_TolerantRecords):
    def _consumer_record(self, tp: Any, record: Any) -> Any:
        return record


def tolerate_header_names() -> None:
    """Make aiokafka's fetcher read such batches. Idempotent; affects this process only."""
    fetcher.MemoryRecords, fetcher.PartitionRecords = _Batches, _TolerantRecords


def give_records_as_parsed() -> None:
    """As tolerate_header_names, and no copy of each record, which costs four times the parsing: it is offset,
    timestamp, key, value and headers (pipeline.record.Record), without topic and partition."""
    fetcher.MemoryRecords, fetcher.PartitionRecords = _Batches, _ParsedRecords
