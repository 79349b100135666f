"""Every lane's store against the changelog: whoever wrote it, it holds what the changelog held at its position."""

from collections import defaultdict
from pathlib import Path

from aiokafka.structs import ConsumerRecord

from pipeline.state import OWNER, PENDING_PREFIX, decode_owner
from tables.store import LaneStore
from tests.chaos.fleet import Fleet

FOREVER = 2**62  # ms


def check_stores(fleet: Fleet) -> None:
    """All stores of all workers, none of which runs; the last owner's at the end of the changelog."""
    changelog: dict[int, list[ConsumerRecord]] = defaultdict(list)
    for record in fleet.deployment.read("panlock.state"):
        changelog[record.partition].append(record)
    assert set(changelog) == set(range(fleet.deployment.policy.lanes))
    for lane, records in changelog.items():
        owner = decode_owner(_replay(records, records[-1].offset + 1)[OWNER])
        assert owner is not None
        for worker in fleet.workers.values():
            path = worker.store / f"lane-{lane}"
            if path.exists():
                _check_store(path, records, whole=owner["worker"].endswith(f"/{worker.process.pid}"))


def _replay(records: list[ConsumerRecord], position: int) -> dict[bytes, bytes]:
    latest = {record.key: record.value for record in records if record.offset < position}
    return {key: value for key, value in latest.items() if key is not None and value is not None}


def _check_store(path: Path, records: list[ConsumerRecord], whole: bool) -> None:
    store = LaneStore(path)
    try:
        position = store.applied().position
        assert not whole or position > records[-1].offset, f"{path} ends at {position}, before its changelog"
        found, wanted = dict(store.items()), _replay(records, position)
        different = [key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key)]
        assert not different, f"{path} at {position} differs from its changelog: {sorted(different)[:5]}"
        pending = {key[len(PENDING_PREFIX) :].decode() for key in found if key.startswith(PENDING_PREFIX)}
        indexed = store.due(FOREVER, len(pending) + 1)
        assert (len(indexed), set(indexed)) == (len(pending), pending), f"{path}: expiry index"
    finally:
        store.close()
