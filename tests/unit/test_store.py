"""A lane's store on RocksDB: what was applied is there, in order, after a restart, too; a broken one says so."""

import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from agents.restore import set_store_aside, store_path
from pipeline.approval.pending import Pending
from pipeline.state import PENDING_PREFIX, VERSION, View, pending_key
from tables.census import Waiting
from tables.store import Applied, LaneStore, StoreCorruptError, StoreError, set_aside
from tests.lane import MemoryLane, MemoryState

OTHER_KEYS = [b"chain", b"next/quarantine.payments.checkout/0", b"queue/payments/aa", b"queue/payments/aa/0", b"owner",
              b"topic/t", b"drain/payments/aa", b"pending", b"zz"]  # fmt: skip
RECORDS = [f"quarantine.payments.checkout/{partition}/{offset}" for partition in (0, 1) for offset in (1, 2, 10)]
EXPIRIES = [0, 1, 255, 256, 1_795_500_000_000, 2**63]


def pending(record: str, expires: int) -> bytes:
    """A pending record as the changelog has it."""
    view = View(MemoryState())
    view.hold(_held(record, expires))
    value = view.changes[pending_key(record)]
    assert value is not None
    return value


def _held(record: str, expires: int) -> Pending:
    lane = MemoryLane()
    lane.records(b'{"amount": 9000}')
    (held,) = lane.state.keys(PENDING_PREFIX, 1)
    decoded = View(lane.state).pending(held[len(PENDING_PREFIX) :].decode())
    assert decoded is not None
    offset = int(record.rpartition("/")[2])
    rule = "large" if offset == 10 else "small"
    return replace(decoded, record=record, expires=expires, rule=rule, timestamp=expires // 3 + offset)


HELD = {(record, expires): pending(record, expires) for record in RECORDS for expires in EXPIRIES}
QUEUES = [None, *(VERSION + struct.pack(">QQ", *ends) for ends in ((0, 0), (0, 3), (2, 3), (7, 2**40)))]
CHANGES = st.one_of(
    st.sampled_from(QUEUES).map(lambda value: (b"queue/payments/aa", value)),
    st.tuples(st.sampled_from(OTHER_KEYS), st.one_of(st.none(), st.binary(max_size=20))),
    st.sampled_from(sorted(HELD)).map(lambda each: (pending_key(each[0]), HELD[each])),
    st.sampled_from(RECORDS).map(lambda record: (pending_key(record), None)),
)


class StoreAndModel(RuleBasedStateMachine):
    """Whatever is applied, and however often the store is opened again, it answers as a dictionary would."""

    @initialize()
    def make(self) -> None:
        self.directory = TemporaryDirectory()
        self.store = LaneStore(Path(self.directory.name) / "lane-0")
        self.model, self.applied = MemoryState(), Applied(0, 0)

    @rule(changes=st.lists(CHANGES, max_size=6), ahead=st.integers(0, 2**40), time=st.integers(0, 2**42))
    def apply(self, changes: list[tuple[bytes, bytes | None]], ahead: int, time: int) -> None:
        batch = dict(changes)
        self.applied = Applied(self.applied.position + ahead, time)
        self.store.apply(batch, self.applied)
        for key, value in batch.items():
            if value is None:
                self.model.content.pop(key, None)
            else:
                self.model.content[key] = value

    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store = LaneStore(self.store.path)

    @rule(prefix=st.sampled_from([b"", b"p", b"pending/", b"queue/", b"queue/payments/aa/"]), limit=st.integers(0, 9))
    def look_by_prefix(self, prefix: bytes, limit: int) -> None:
        if prefix:
            assert self.store.keys(prefix, limit) == self.model.keys(prefix, limit)

    @rule(until=st.sampled_from(EXPIRIES), limit=st.integers(0, 9))
    def look_by_time(self, until: int, limit: int) -> None:
        due, everything = self.store.due(until, limit), self.model.due(until, 100)
        assert len(due) == min(limit, len(everything))
        assert sorted(due) == sorted(everything) or set(due) < set(everything)
        expiries = self._expiries()
        assert [expiries[record] for record in due] == sorted(expiries[record] for record in everything)[: len(due)]

    def _expiries(self) -> dict[str, int]:
        return {record: expires for (record, expires), value in HELD.items()
                if self.model.content.get(pending_key(record)) == value}  # fmt: skip

    def _census(self) -> list[Waiting]:
        """Counted anew, of all that is there."""
        records = [key.decode()[len(PENDING_PREFIX) :] for key in self.model.keys(PENDING_PREFIX, 99)]
        oldest: dict[tuple[str, str], list[int]] = {}
        for each in map(View(self.model).pending, records):
            assert each is not None
            oldest.setdefault((each.flow, each.rule), []).append(each.timestamp)
        queue = self.model.content.get(b"queue/payments/aa", b"")
        head, tail = struct.unpack(">QQ", queue[1:]) if len(queue) == 17 else (0, 0)
        queued = [Waiting("payments", None, tail - head, None)] if tail > head else []
        rules = [Waiting(*group, len(times), min(times)) for group, times in sorted(oldest.items())]
        return queued + rules

    @invariant()
    def same(self) -> None:
        assert dict(self.store.items()) == self.model.content
        assert self.store.applied() == self.applied
        assert self.store.next_expiry() == min(self._expiries().values(), default=None)
        assert self.store.waiting() == self.model.waiting()
        assert self.store.census() == self._census()
        assert all(self.store.get(key) == self.model.get(key) for key in (*OTHER_KEYS, *map(pending_key, RECORDS)))

    def teardown(self) -> None:
        self.store.close()
        self.directory.cleanup()


TestStoreAndModel = StoreAndModel.TestCase
TestStoreAndModel.settings = settings(
    deadline=None, max_examples=25, stateful_step_count=20, suppress_health_check=list(HealthCheck)
)


def test_a_store_that_another_process_has_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "lane-0"
    code = f"from pathlib import Path; from tables.store import LaneStore; s = LaneStore(Path({str(path)!r})); print(1)"
    code += "; import sys; sys.stdout.flush(); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"1\n"
        with pytest.raises(StoreError, match="lane-0") as caught:
            LaneStore(path)
        assert not isinstance(caught.value, StoreCorruptError)
        holder.communicate()
    LaneStore(path).close()


def test_a_path_that_is_no_directory_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "lane-0").write_text("")
    with pytest.raises(StoreError):
        LaneStore(tmp_path / "lane-0")


def _broken(path: Path) -> None:
    store = LaneStore(path)
    store.apply({b"chain": b"\x01" * 40}, Applied(3, 5))
    store.close()
    for file in path.glob("MANIFEST-*"):
        file.write_bytes(b"\0" * 100)


def test_a_corrupt_store_is_told_from_one_that_cannot_be_opened(tmp_path: Path) -> None:
    _broken(tmp_path / "lane-0")
    with pytest.raises(StoreCorruptError, match="lane-0"):
        LaneStore(tmp_path / "lane-0")


def test_a_corrupt_store_is_kept_aside_and_a_new_one_begins(tmp_path: Path) -> None:
    path = store_path(tmp_path, 0)
    _broken(path)
    with pytest.raises(StoreCorruptError) as caught:
        LaneStore(path)
    told = set_store_aside(tmp_path, 0, caught.value)
    store = LaneStore(path)
    assert store.applied() == (0, 0) and list(store.items()) == []
    store.close()
    (kept,) = tmp_path.glob("lane-0.corrupt-*")
    assert (kept / "CURRENT").exists() and kept.name in told


def test_corruption_that_shows_at_a_read_only_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "lane-0"
    store = LaneStore(path)
    store.apply({b"topic/%d" % n: bytes([n]) * 5_000 for n in range(200)}, Applied(3, 5))
    store._db.flush()
    store.close()
    for file in path.glob("*.sst"):
        content = bytearray(file.read_bytes())
        content[10_000:20_000] = bytes(10_000)
        file.write_bytes(content)
    store = LaneStore(path)
    with pytest.raises(StoreCorruptError):
        dict(store.items())
    with pytest.raises(StoreCorruptError):
        _ = [store.get(b"topic/%d" % number) for number in range(200)]
    with pytest.raises(StoreCorruptError):
        store.keys(b"topic/", 200)
    store.close()


def test_a_store_begins_anew_with_another_changelog(tmp_path: Path) -> None:
    store = LaneStore(tmp_path / "lane-0")
    assert store.changelog() is None
    store.apply({b"chain": b"1", pending_key(RECORDS[0]): pending(RECORDS[0], 5)}, Applied(7, 8))
    store.restart("cluster/uuid")
    assert (store.changelog(), store.applied(), store.get(b"chain"), store.next_expiry()) == (
        *("cluster/uuid", Applied(0, 0)),
        *(None, None),
    )
    assert not store.waiting()
    store.close()
    again = LaneStore(tmp_path / "lane-0")
    assert again.changelog() == "cluster/uuid"
    again.close()


def test_a_store_is_set_aside(tmp_path: Path) -> None:
    LaneStore(tmp_path / "lane-0").close()
    assert set_aside(tmp_path / "lane-0", 7) == tmp_path / "lane-0.corrupt-7"
    assert not (tmp_path / "lane-0").exists()
