"""No batch stops a partition or hides its neighbours: neither a raw header name, nor a bomb, nor garbage."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.codec import gzip_encode, zstd_encode
from aiokafka.errors import CorruptRecordException
from aiokafka.record import default_records
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from aiokafka.structs import ConsumerRecord

from agents import batches
from agents.batches import _Batches, _ConsumerRecords, _Records
from agents.decompression import ATTRIBUTES, HEADER, LIMIT, span
from pipeline.record import Reason, Unreadable

GZIP, ZSTD = 1, 4
ENCODE: dict[int, Callable[[bytes], bytes]] = {0: bytes, GZIP: gzip_encode, ZSTD: zstd_encode}
PRODUCER = 7  # a producer's id, in a transaction


def batch(base: int, names: list[bytes], codec: int = 0, value: bytes = b"", transactional: bool = False) -> bytes:
    """One record a name; the largest timestamp is 1000 + the number of the last."""
    producer = PRODUCER if transactional else -1
    builder = DefaultRecordBatchBuilder(
        *(2, 0), is_transactional=transactional, producer_id=producer, producer_epoch=0, base_sequence=0,
        batch_size=1 << 30,
    )  # fmt: skip
    for number, name in enumerate(names):
        content = value or b"%d" % number
        builder.append(number, 1000 + number, key=None, value=content, headers=[("x" * len(name), b"v")])
    raw = bytearray(builder.build())
    for name in names:
        raw = raw.replace(b"x" * len(name), name, 1)
    raw[ATTRIBUTES] |= codec
    return mended(bytes(raw[:HEADER]) + ENCODE[codec](bytes(raw[HEADER:])), base)


def mended(content: bytes, base: int) -> bytes:
    """With this base offset, and length and checksum as they should be."""
    raw = bytearray(content)
    raw[0:8], raw[8:12] = base.to_bytes(8, "big"), (len(raw) - 12).to_bytes(4, "big")
    raw[17:21] = calc_crc32c(bytes(raw[21:])).to_bytes(4, "big")
    return bytes(raw)


def bomb(base: int, transactional: bool = False) -> bytes:
    """Two records."""
    return mended(_bomb(transactional), base)


@cache
def _bomb(transactional: bool) -> bytes:
    return batch(0, [b"aa", b"bb"], ZSTD, b"a" * (LIMIT // 2), transactional)


def opened(raw: bytes, offset: int = 0, cls: type[Any] = _Records, aborted: Any = ()) -> Any:
    return cls(TopicPartition("t", 0), _Batches(raw), list(aborted), offset, None, None, True, 1)


def fetches(batches: list[bytes], position: int = 0) -> list[list[Any]]:
    """What a consumer gets, fetch by fetch, to the end: each begins with the batch of its position."""
    found = []
    while rest := [raw for raw in batches if span(raw)[0].stop > position]:
        records = opened(b"".join(rest), position)
        found.append(list(records))
        position = records.next_fetch_offset
    return found


def read(raw: bytes, offset: int = 0) -> list[tuple[int, str]]:
    return [(record.offset, record.headers[0][0]) for record in opened(raw, offset, _ConsumerRecords)]


@pytest.mark.parametrize("codec", [0, GZIP, ZSTD], ids=["plain", "gzip", "zstd"])
def test_every_record_around_a_bad_name_is_read_once(codec: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for unbounded in ("gzip_decode", "zstd_decode"):
        monkeypatch.setattr(default_records, unbounded, None)
    rest = batch(1, [b"bb", b"\xff\xfe", b"cc"], codec) + batch(4, [b"dd"], codec)
    raw = batch(0, [b"aa"], codec) + rest
    assert [offset for offset, _ in read(raw)] == [0, 1, 2, 3, 4]
    assert read(raw)[2][1].encode("utf-8", "surrogateescape") == b"\xff\xfe"
    assert [offset for offset, _ in read(rest, 2)] == [2, 3, 4]


@pytest.mark.parametrize("codec", [0, ZSTD], ids=["plain", "zstd"])
@pytest.mark.parametrize("name", [b"aa", b"\xff\xfe"], ids=["good name", "bad name"])
def test_a_wrong_checksum_is_still_an_error(codec: int, name: bytes) -> None:
    raw = bytearray(batch(0, [name], codec))
    raw[-1] ^= 1
    with pytest.raises(CorruptRecordException):
        read(bytes(raw))


def test_each_record_of_a_bomb_is_too_large_and_its_neighbours_are_read() -> None:
    (first, *refused), (last,) = fetches([batch(5, [b"aa"], ZSTD), bomb(6), batch(8, [b"aa"], ZSTD)], 5)
    assert [(record.offset, record.value) for record in (first, last)] == [(5, b"0"), (8, b"0")]
    assert refused == [Unreadable(n, 1001, Reason.TOO_LARGE) for n in (6, 7)]


def test_a_fetch_ends_with_its_first_bomb() -> None:
    assert [len(records) for records in fetches([bomb(0), bomb(2), bomb(4)])] == [2, 2, 2]


def test_a_bomb_is_read_on_from_its_middle() -> None:
    records = opened(bomb(6), 6)
    assert (next(records).offset, records.next_fetch_offset) == (6, 7)
    assert list(opened(bomb(6), 7)) == [Unreadable(7, 1001, Reason.TOO_LARGE)]


def test_garbage_is_an_internal_error_and_hides_no_neighbour() -> None:
    garbage = mended(batch(1, [b"aa", b"bb"], ZSTD)[:HEADER] + b"neither this nor that", 1)
    (first, *refused), (last,) = fetches([batch(0, [b"aa"]), garbage, batch(3, [b"aa"], GZIP)])
    assert (first.offset, last.offset) == (0, 3)
    assert refused == [Unreadable(n, 1001, Reason.INTERNAL_ERROR) for n in (1, 2)]


@pytest.mark.parametrize("names", [[b"aa"] * 3, [b"\xff\xfe"] * 3], ids=["good names", "bad names"])
def test_decompressed_garbage_is_an_internal_error_from_there_on(names: list[bytes]) -> None:
    whole, count = batch(0, names, ZSTD), HEADER - 4
    raw = bytearray(whole)
    raw[count:HEADER], raw[23:27] = (5).to_bytes(4, "big"), (4).to_bytes(4, "big")  # it says five, and holds three
    first, *refused, last = list(opened(mended(bytes(raw), 0) + batch(5, [b"aa"])))
    assert (first.offset, last.offset) == (0, 5)
    assert refused[-2:] == [Unreadable(n, 1002, Reason.INTERNAL_ERROR) for n in (3, 4)]
    assert len(refused) == 4


def test_an_aborted_bomb_is_never_decompressed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "decompress", None)
    records = opened(bomb(0, transactional=True), 0, aborted=[(PRODUCER, 0)])
    assert list(records) == []
    assert records.next_fetch_offset == 2


def test_small_batches_that_add_up_are_read_in_several_fetches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "ENOUGH", 10_000)
    written = [batch(n, [b"aa"], ZSTD, b"a" * 4_000) for n in range(7)]
    found = [[record.offset for record in records] for records in fetches(written)]
    assert found == [[0, 1, 2], [3, 4, 5], [6]]


def test_a_reader_of_whole_records_gets_the_refused_ones_without_content() -> None:
    records = list(opened(bomb(6), 6, _ConsumerRecords))
    assert [type(record) for record in records] == [ConsumerRecord] * 2
    found = [(each.topic, each.partition, each.offset, each.timestamp, each.key, each.value) for each in records]
    assert found == [("t", 0, 6, 1001, None, None), ("t", 0, 7, 1001, None, None)]


def test_a_record_weighs_what_it_holds_and_a_refused_one_nothing() -> None:
    (short, long), (refused, _) = (
        list(opened(raw)) for raw in (batch(0, [b"aa", b"aa" * 50], value=b"x" * 300), bomb(0))
    )
    assert short.size == len("aa") + len("v") + 2 + 300
    assert long.size == short.size + 98 + 1  # the length of a name of 100 bytes takes two
    assert refused.size == 0
