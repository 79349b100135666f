"""A lane's RocksDB directory that is lost, stale, too old or corrupt: rebuilt from the changelog, nothing twice."""

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.dev.cluster import DevCluster
from pipeline.state import next_key
from tables.store import Applied, LaneStore
from tests.audited import check_chain, released, wait_fates
from tests.chaos.fleet import Fleet
from tests.chaos.stores import check_stores
from tests.deployment import Deployment, WorkerProcess
from tests.integration.engine_policy import ANA, CHECKOUT, LONG, POLICY, plain

DAY = 86_400_000  # ms
HELD = f"{CHECKOUT}/0/0"


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, POLICY) as deployment:
        yield deployment


def _lost(panlock: Deployment, worker: WorkerProcess) -> None:
    shutil.rmtree(worker.store)


def _stale(panlock: Deployment, worker: WorkerProcess) -> None:
    """A copy from earlier, put back after another worker had the lanes."""
    panlock.produce(CHECKOUT, plain(0, 5))
    other = panlock.worker("other").wait_ready(2)
    wait_fates(panlock, released(CHECKOUT, 0, range(6, 11)))
    assert other.stop() == 0
    shutil.rmtree(other.store)
    shutil.copytree(worker.store, other.store)


def _junk(worker: WorkerProcess, at: int) -> None:
    """What a changelog that has forgotten its tombstones would leave in the store."""
    store = LaneStore(worker.store / "lane-0")
    store.apply({next_key("quarantine.gone.long-ago", 0): b"\x01" + bytes(8)}, Applied(store.applied().position, at))
    store.close()


def _too_old(panlock: Deployment, worker: WorkerProcess) -> None:
    _junk(worker, int(1000 * time.time()) - 4 * DAY)


def _ahead(panlock: Deployment, worker: WorkerProcess) -> None:
    """Its changelog was recreated, or is another cluster's."""
    store = LaneStore(worker.store / "lane-0")
    store.apply({b"next/nothing/0": b"\x01" + bytes(8)}, Applied(10**6, int(1000 * time.time())))
    store.close()


@pytest.mark.parametrize("damage", [_lost, _stale, _too_old, _ahead])
def test_a_store_is_rebuilt_from_its_changelog(
    panlock: Deployment, damage: Callable[[Deployment, WorkerProcess], None]
) -> None:
    worker = panlock.worker().wait_ready(2)
    panlock.produce(CHECKOUT, [(0, b"held", LONG), *plain(0, 5)])
    wait_fates(panlock, {HELD: ["held"], **released(CHECKOUT, 0, range(1, 6))})
    assert worker.stop() == 0
    damage(panlock, worker)
    (last,) = panlock.produce(CHECKOUT, plain(0, 5))[-1:]
    panlock.worker(panlock.workers[-1].store.parent.name).wait_ready(2)
    ANA.decide(panlock)
    wait_fates(panlock, {HELD: ["held", "released"], **released(CHECKOUT, 0, range(1, last + 1))})
    _whole(panlock)


def test_a_corrupt_store_is_kept_aside_told_and_rebuilt(panlock: Deployment) -> None:
    worker = panlock.worker().wait_ready(2)
    panlock.produce(CHECKOUT, plain(0, 5))
    wait_fates(panlock, released(CHECKOUT, 0, range(5)))
    assert worker.stop() == 0
    manifest = next((worker.store / "lane-0").glob("MANIFEST-*"))
    manifest.write_bytes(b"\xff" * manifest.stat().st_size)
    panlock.produce(CHECKOUT, plain(0, 5))
    worker = panlock.worker().wait_ready(2)
    wait_fates(panlock, released(CHECKOUT, 0, range(10)))
    (event,) = panlock.events("store.corrupt")
    (kept,) = worker.store.glob("lane-0.corrupt-*")
    assert event["lane"] == 0
    assert kept.name in event["reason"]
    assert (kept / manifest.name).read_bytes().startswith(b"\xff")
    _whole(panlock)


def _whole(panlock: Deployment) -> None:
    """The chain has no gap, and every store is its changelog's."""
    check_chain(panlock)
    fleet = Fleet(panlock, 3.0)
    fleet.workers = {worker.store.parent.name: worker for worker in panlock.workers}
    for worker in panlock.workers:
        if worker.process.poll() is None:
            assert worker.stop() == 0
    check_stores(fleet)
