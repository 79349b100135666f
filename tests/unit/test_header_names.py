"""A header name that is not UTF-8 neither stops a partition nor hides its neighbours."""

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from agents.header_names import _Batches, _TolerantRecords


def batch(base: int, names: list[bytes], codec: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(
        2, 0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=0, batch_size=1 << 20
    )
    for number, name in enumerate(names):
        builder.append(number, 1000, key=None, value=b"%d" % number, headers=[("x" * len(name), b"v")])
    raw = bytearray(builder.build())
    raw[0:8] = base.to_bytes(8, "big")
    for name in names:
        raw = raw.replace(b"x" * len(name), name, 1)
    raw[17:21] = calc_crc32c(bytes(raw[21:])).to_bytes(4, "big")
    return bytes(raw)


def read(raw: bytes, offset: int = 0) -> list[tuple[int, str]]:
    records = _TolerantRecords(TopicPartition("t", 0), _Batches(raw), [], offset, None, None, True, 1)
    return [(record.offset, record.headers[0][0]) for record in records]


def test_every_record_around_a_bad_name_is_read_once() -> None:
    rest = batch(1, [b"bb", b"\xff\xfe", b"cc"]) + batch(4, [b"dd"])
    raw = batch(0, [b"aa"]) + rest
    assert [offset for offset, _ in read(raw)] == [0, 1, 2, 3, 4]
    assert read(raw)[2][1].encode("utf-8", "surrogateescape") == b"\xff\xfe"
    assert [offset for offset, _ in read(rest, 2)] == [2, 3, 4]


def test_a_wrong_checksum_is_still_an_error() -> None:
    raw = bytearray(batch(0, [b"\xff\xfe"]))
    raw[-1] ^= 1
    with pytest.raises(CorruptRecordException):
        read(bytes(raw))
