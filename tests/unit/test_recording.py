"""What recordings keep of records, in their form, which golden vectors pin."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.effects import Out
from pipeline.policy.topics import recordings_topic
from pipeline.record import Reason, RecordId, Unreadable
from pipeline.recording import HashKey, RecordingError, read_recording, refused_mark
from tests.lane import NOW, POLICY, TOPIC, MemoryLane, fetched

RECORDS = recordings_topic("payments")
RECORDED = POLICY.replace("    partitions: 1\n", "    partitions: 1\n    recording: masked\n")
VECTORS = json.loads((Path(__file__).parents[1] / "vectors/recordings/v1.json").read_text())
CARD = b'{"card":{"number":"4111111111111111"},"amount":1}'
SECRET = b"4111111111111111"


def recorded(lane: MemoryLane) -> list[Out]:
    return lane.out.get(RECORDS, [])


def read(out: Out) -> Any:
    return read_recording(out.key, out.value, out.headers, out.timestamp)


@pytest.fixture
def lane() -> MemoryLane:
    return MemoryLane(RECORDED, hash_key=HashKey.of("k1", bytes(32)))


def test_a_flow_that_does_not_record_records_nothing() -> None:
    lane = MemoryLane()
    lane.records(CARD)
    assert lane.clean()
    assert not any(topic.startswith("panlock.recordings") for topic in lane.out)


def test_a_released_record_is_kept_as_it_was_released(lane: MemoryLane) -> None:
    lane.records(CARD, key=SECRET, headers=(("trace", b"\x00"), ("trace", None), ("note", SECRET)), at=NOW - 5)
    (out,), (clean,) = recorded(lane), lane.out["clean.payments"]
    found = read(out)
    assert (found.key, found.value) == (clean.key, clean.value)
    assert found.headers == tuple(each for each in clean.headers if not each[0].startswith("panlock-"))
    assert (found.record, found.principal, found.timestamp) == (RecordId(TOPIC, 0, 0), "checkout", NOW - 5)
    assert (found.policy, found.refused, found.envelope) == (lane.policy.hash, None, None)
    assert SECRET not in b"".join((out.key or b"", out.value or b"", *(content or b"" for _, content in out.headers)))


def test_null_key_and_tombstone_stay_null(lane: MemoryLane) -> None:
    lane.records(None, b'{"n":1}', key=None)
    first, second = (read(out) for out in recorded(lane))
    assert (first.key, first.value, second.key, second.value) == (None, None, None, b'{"n":1}')


def test_what_is_held_and_what_waits_behind_it_is_kept_once_when_it_comes(lane: MemoryLane) -> None:
    lane.records(b'{"amount":9000.0}', b'{"amount":1}')
    assert [read(out).record.offset for out in recorded(lane)] == [0, 1]
    lane.messages(lane.sign("ana", 0, "deny"))
    assert len(lane.clean()) == 1  # the one that waited
    assert len(recorded(lane)) == 2


def test_of_a_rejected_record_length_reason_and_keyed_hash_are_kept(lane: MemoryLane) -> None:
    value = b'{"card":{"number":"' + SECRET + b'"'
    lane.records(value, key=SECRET, headers=(("note", SECRET),))
    (out,) = recorded(lane)
    found = read(out)
    assert found.refused == {
        "reason": "malformed-json",
        "place": f"byte {len(value)}",
        "length": len(value),
        "sha256": HashKey.of("k1", bytes(32)).hash(fetched(0, NOW, SECRET, value, (("note", SECRET),))),
        "under": "k1",
    }
    assert (found.key, found.value, found.headers) == (None, None, ())
    assert SECRET not in json.dumps([repr(each) for each in out]).encode()


def test_the_keyed_hash_depends_on_key_and_on_every_part() -> None:
    one, other = HashKey.of("k1", bytes(32)), HashKey.of("k1", bytes(31) + b"1")
    records = [
        fetched(0, NOW, b"k", b"v", ()),
        fetched(0, NOW, b"kv", b"", ()),
        fetched(0, NOW, None, b"v", ()),
        fetched(0, NOW, b"k", b"v", (("a", b""),)),
        fetched(0, NOW, b"k", b"v", (("a", None),)),
    ]
    assert len({key.hash(record) for key in (one, other) for record in records}) == 10


def test_of_what_nobody_could_read_the_reason_is_kept() -> None:
    mark = refused_mark(Reason.TOO_LARGE, None, None, None, None)
    assert mark == b'{"reason":"too-large","v":1}'
    assert Unreadable(1, NOW, Reason.TOO_LARGE).value is None


def test_what_does_not_fit_the_recordings_is_told_of_and_not_kept(lane: MemoryLane) -> None:
    limits = {**lane.context.limits, RECORDS: 2_000}
    small = MemoryLane(RECORDED, limits=limits)
    small.records(b'{"note":"%b"}' % (b"x" * 3_000))
    (out,) = recorded(small)
    assert read(out).refused == {"reason": "too-large", "place": "value", "length": 3_011}
    assert small.clean()  # its own topic takes it


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_the_form_never_changes(vector: dict[str, Any]) -> None:
    lane = MemoryLane(RECORDED, hash_key=HashKey.of("k1", bytes(32)))
    key, value = ((None if vector[part] is None else vector[part].encode()) for part in ("key", "value"))
    headers = tuple((name, None if content is None else content.encode()) for name, content in vector["headers"])
    lane.records(value, key=key, headers=headers)
    (out,) = recorded(lane)
    shown: Sequence[object] = [
        [name, None if content is None else content.decode().replace(lane.policy.hash, "<policy>")]
        for name, content in out.headers
    ]
    written = {
        "key": None if out.key is None else out.key.decode(),
        "timestamp": out.timestamp,
        "value": None if out.value is None else out.value.decode(),
        "headers": shown,
    }
    assert written == vector["recording"]


@pytest.mark.parametrize(
    ("key", "mark"), [(b"elsewhere", b'{"v":1}'), (b"a.b.c/0/1", b"{"), (b"a.b.c/0/1", b"[]"), (b"a/0/1", b'{"v":1}')]
)
def test_what_no_worker_wrote_is_no_recording(key: bytes, mark: bytes) -> None:
    headers = (("panlock-recording", mark), ("panlock-principal", b"p"), ("panlock-policy", b"h"))
    with pytest.raises(RecordingError, match="no recording"):
        read_recording(key, b"", headers, 0)


def test_a_later_version_is_refused() -> None:
    headers = (("panlock-recording", b'{"v":2}'), ("panlock-principal", b"p"), ("panlock-policy", b"h"))
    with pytest.raises(RecordingError, match="version 2: use a newer Panlock"):
        read_recording(b"quarantine.a.b/0/1", b"", headers, 0)
