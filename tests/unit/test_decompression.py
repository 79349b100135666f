"""A batch decompresses into a bounded amount of memory, or is refused with the reason."""

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cramjam
import pytest
from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode

from agents.decompression import ATTRIBUTES, FORMAT, HEADER, LIMIT, RefusedBatchError, decompress
from pipeline.record import Reason

MIB = 1 << 20
CHUNK = b"a" * MIB
BOMB = 512  # MiB
GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
CODECS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "gzip": (GZIP, gzip_encode),
    "snappy": (SNAPPY, lambda data: bytes(cramjam.snappy.compress_raw(data))),
    "snappy framed as Java does": (SNAPPY, snappy_encode),
    "lz4": (LZ4, lz4_encode),
    "zstd": (ZSTD, zstd_encode),
}
MEASURE = """
import resource, sys
from agents.decompression import RefusedBatchError, decompress
raw = open(sys.argv[1], "rb").read()
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
now = lambda: int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() >> 20
before = peak(), now()
try:
    decompress(raw)
except RefusedBatchError as error:
    reason = error.reason
print(reason, peak() - before[0], now() - before[1])
"""  # prints MiB


def batch(codec: int, payload: bytes) -> bytes:
    header = bytearray(b"\x01" * HEADER)
    header[FORMAT], header[ATTRIBUTES] = 2, 0x18 | codec  # transactional, stamped by the broker
    return bytes(header) + payload


def _gzip_bomb(size: int) -> bytes:
    stream = zlib.compressobj(9, wbits=31)
    return b"".join([stream.compress(CHUNK) for _ in range(size)] + [stream.flush()])


def _snappy_bomb(size: int) -> bytes:
    block = bytes(cramjam.snappy.compress_raw(CHUNK))
    return bytes(snappy_encode(b"")[:16]) + (struct.pack(">i", len(block)) + block) * size


def _lz4_bomb(size: int) -> bytes:
    stream = cramjam.lz4.Compressor(level=9, content_checksum=False, block_linked=False)
    for _ in range(size):
        stream.compress(CHUNK)
    return bytes(stream.finish())


def _zstd_bomb(size: int) -> bytes:
    stream = cramjam.zstd.Compressor(3)
    for _ in range(size):
        stream.compress(CHUNK)
    return bytes(stream.finish())


BOMBS = {GZIP: _gzip_bomb, SNAPPY: _snappy_bomb, LZ4: _lz4_bomb, ZSTD: _zstd_bomb}


def refusal(raw: bytes) -> Reason:
    with pytest.raises(RefusedBatchError) as caught:
        decompress(raw)
    return caught.value.reason


@pytest.mark.parametrize("name", CODECS)
def test_a_normal_batch_comes_out_whole_without_its_codec(name: str) -> None:
    codec, encode = CODECS[name]
    content = b'{"number":1,"text":"abc"}' * 10_000
    raw, plain = batch(codec, encode(content)), batch(0, b"")
    assert decompress(raw) == plain + content
    assert decompress(batch(codec, encode(b"short"))) == plain + b"short"  # nothing of the last batch is left behind


@pytest.mark.parametrize("codec", BOMBS)
def test_a_bomb_is_too_large_and_takes_bounded_memory_for_a_moment(codec: int, tmp_path: Path) -> None:
    file = tmp_path / "bomb"
    file.write_bytes(batch(codec, BOMBS[codec](BOMB)))
    run = subprocess.run([sys.executable, "-c", MEASURE, str(file)], capture_output=True, text=True, check=True)
    reason, most, left = run.stdout.split()
    assert reason == Reason.TOO_LARGE
    assert int(most) * MIB < 3 * LIMIT < BOMB * MIB
    assert int(left) * MIB < LIMIT // 2


@pytest.mark.parametrize("codec", BOMBS)
def test_the_limit_itself_is_not_too_large(codec: int) -> None:
    assert len(decompress(batch(codec, BOMBS[codec](LIMIT // MIB)))) == HEADER + LIMIT
    assert refusal(batch(codec, BOMBS[codec](LIMIT // MIB + 1))) is Reason.TOO_LARGE


def test_a_snappy_block_that_only_says_it_is_large_is_too_large() -> None:
    assert refusal(batch(SNAPPY, b"\xff\xff\xff\xff\x0f\x00a")) is Reason.TOO_LARGE


@pytest.mark.parametrize("name", CODECS)
def test_what_cannot_be_decompressed_is_an_internal_error(name: str) -> None:
    codec, encode = CODECS[name]
    content = encode(b'{"number":1}' * 1_000)
    for payload in (b"neither this nor that", content[: len(content) // 2], content + b"and more"):
        assert refusal(batch(codec, payload)) is Reason.INTERNAL_ERROR


def test_a_codec_that_nobody_knows_is_an_internal_error() -> None:
    assert refusal(batch(7, b"content")) is Reason.INTERNAL_ERROR


@pytest.mark.parametrize("length", [-1, 0, 1 << 30])
def test_a_wrong_length_of_a_framed_block_is_an_internal_error(length: int) -> None:
    framed = bytearray(snappy_encode(b"content"))
    framed[16:20] = struct.pack(">i", length)
    assert refusal(batch(SNAPPY, bytes(framed))) is Reason.INTERNAL_ERROR
