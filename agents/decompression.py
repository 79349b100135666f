"""Decompresses a record batch into no more than LIMIT bytes.

max.message.bytes bounds a batch as it is compressed, and zstd makes 32 GiB of the same byte into 1 MiB: without a bound
one producer's batch kills each worker that the lane moves to.

A batch (KIP-98): 61 bytes of header, at 8 the length of what follows it (i32), at 16 the format (2), at 21 the
attributes (i16, the codec in the lowest three bits), at 23 the last record's offset less the batch's (i32), at 35 the
largest timestamp (i64); then the records, compressed as one.
"""

import mmap
import struct
import threading
import zlib

import cramjam
from aiokafka.codec import _detect_xerial_stream

from pipeline.errors import PanlockError
from pipeline.record import Reason

# Bytes. Clients bound a batch before they compress it (batch.size: 16 KiB in Java, 1 MB in librdkafka), and no flow
# takes more than 8 MiB of it uncompressed; a worker can hold this much beside its work.
LIMIT = 64 << 20
KEPT = 8 << 20  # bytes of a thread's scratch memory that stay for the next batch: fresh pages cost more than zstd does
HEADER, FORMAT, ATTRIBUTES, CODEC = 61, 16, 22, 0x07
_SPAN, _TIMESTAMP, _SIZE = struct.Struct(">q15xi"), struct.Struct(">35xq"), struct.Struct(">i")
_GZIP, _SNAPPY, _LZ4, _ZSTD = 1, 2, 3, 4
_XERIAL_HEADER = 16


class RefusedBatchError(PanlockError):
    """A batch that will not be unpacked, and the reason to reject its records with."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(f"a record batch was not unpacked ({reason}): let its producer write it again, uncompressed")


class _Scratch(threading.local):
    """Of an anonymous mapping, only the pages that were written take memory."""

    def __init__(self) -> None:
        self.pages = mmap.mmap(-1, HEADER + LIMIT, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


_scratch = _Scratch()


def is_compressed(raw: memoryview) -> bool:
    return len(raw) > HEADER and raw[FORMAT] == 2 and bool(raw[ATTRIBUTES] & CODEC)


def span(raw: bytes) -> tuple[range, int]:
    """The offsets of a batch, and its largest timestamp: what the broker stamped, where it stamps."""
    base, delta = _SPAN.unpack_from(raw)
    return range(base, base + delta + 1), _TIMESTAMP.unpack_from(raw)[0]


def decompress(raw: bytes) -> bytes:
    """A compressed batch as an uncompressed one, its length and checksum as they were. Raises RefusedBatchError."""
    with memoryview(raw) as view:
        try:
            return _decompress(raw[ATTRIBUTES] & CODEC, view[HEADER:], _plain_header(raw))
        except (cramjam.DecompressionError, zlib.error, struct.error) as error:
            full = "failed to write whole buffer" in str(error)
            raise RefusedBatchError(Reason.TOO_LARGE if full else Reason.INTERNAL_ERROR) from error


def _plain_header(raw: bytes) -> bytes:
    header = bytearray(raw[:HEADER])
    header[ATTRIBUTES] &= ~CODEC
    return bytes(header)


def _decompress(codec: int, data: memoryview, header: bytes) -> bytes:
    if codec == _GZIP:
        return header + _gunzip(data)
    if codec not in _INTO:
        raise RefusedBatchError(Reason.INTERNAL_ERROR)
    pages, size = _scratch.pages, LIMIT
    pages[:HEADER] = header
    try:
        with memoryview(pages) as whole, whole[HEADER:] as room:
            size = _INTO[codec](data, room)
        return pages[: HEADER + size]
    finally:
        if size > KEPT:
            pages.madvise(mmap.MADV_DONTNEED, KEPT)


def _gunzip(data: memoryview) -> bytes:
    """One member, which is all that Kafka's clients write."""
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    content = stream.decompress(data, LIMIT + 1)
    if len(content) > LIMIT:
        raise RefusedBatchError(Reason.TOO_LARGE)
    if not stream.eof or stream.unused_data:
        raise RefusedBatchError(Reason.INTERNAL_ERROR)
    return content


def _unsnap(data: memoryview, room: memoryview) -> int:
    """One raw block, or the framed blocks of snappy-java, which Java's clients write."""
    if not _detect_xerial_stream(data):
        return _unsnap_block(data, room)
    size, at = 0, _XERIAL_HEADER
    while at < len(data):
        (length,) = _SIZE.unpack_from(data, at)
        at += _SIZE.size
        if not 0 < length <= len(data) - at:
            raise RefusedBatchError(Reason.INTERNAL_ERROR)
        size += _unsnap_block(data[at : at + length], room[size:])
        at += length
    return size


def _unsnap_block(data: memoryview, room: memoryview) -> int:
    if cramjam.snappy.decompress_raw_len(data) > len(room):
        raise RefusedBatchError(Reason.TOO_LARGE)
    return cramjam.snappy.decompress_raw_into(data, room)


_INTO = {_SNAPPY: _unsnap, _LZ4: cramjam.lz4.decompress_into, _ZSTD: cramjam.zstd.decompress_into}
