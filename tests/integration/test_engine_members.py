"""Workers that go, and what only one of them may do: an orderly end, the purge, new partitions."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import OffsetSpec
from faust.types import TP

import agents.purge
from agents.settings import Kafka
from deploy.dev.cluster import DevCluster
from tests.audited import check_chain, clean_ids, released, wait_fates
from tests.deployment import Deployment
from tests.integration.engine_policy import CHECKOUT, CLEAN, POLICY, lane, plain

DRAIN = 10.0  # seconds that an orderly end may take


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, POLICY) as deployment:
        yield deployment


def test_sigterm_under_load_drains_in_time_and_says_goodbye(panlock: Deployment) -> None:
    worker = panlock.worker().wait_ready(2)
    panlock.produce(CHECKOUT, plain(0, 5_000) + plain(1, 5_000))
    began = time.monotonic()
    assert worker.stop() == 0
    assert time.monotonic() - began < DRAIN
    assert sorted(event["lane"] for event in panlock.events("lane.closed")) == [0, 1]
    panlock.worker().wait_ready(2)
    wait_fates(panlock, released(CHECKOUT, 0, range(5_000)) | released(CHECKOUT, 1, range(5_000)))
    assert len(clean_ids(panlock, CLEAN)) == 10_000
    former = [event["former"]["worker"] for event in panlock.events("lane.opened") if event.get("former")]
    assert len(former) == 2, "each lane names who had it before"
    check_chain(panlock)


def test_a_partition_that_is_added_is_read_from_its_beginning(panlock: Deployment) -> None:
    worker = panlock.worker().wait_ready(2)
    panlock.set_policy(POLICY.replace("partitions: 2", "partitions: 3"))  # the running worker has the former one
    panlock.produce(CHECKOUT, plain(2, 4))
    wait_fates(panlock, released(CHECKOUT, 2, range(4)))
    assert {each["partition"] for each in lane(worker, 0)["inputs"] if each["topic"] == CHECKOUT} == {0, 2}


def test_the_purge_goes_up_to_the_committed_positions_of_open_lanes_only(
    panlock: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    panlock.produce(CHECKOUT, plain(0, 5) + plain(1, 5))
    monkeypatch.setattr(agents.purge, "EVERY", 0.01)

    async def nothing(_: object) -> None:
        """The topics are those that they were."""

    monkeypatch.setattr(agents.purge, "compare_topics", nothing)
    lanes = {0: _lane(0, sure=True, position=3), 1: _lane(1, sure=False, position=3)}
    asyncio.run(_purge_twice(panlock, lanes))
    assert (_log_start(panlock, 0), _log_start(panlock, 1)) == (3, 0)
    worker = panlock.worker().wait_ready(2)
    wait_fates(panlock, released(CHECKOUT, 0, [3, 4]) | released(CHECKOUT, 1, range(5)))
    opened = next(event for event in panlock.events("lane.opened") if event["lane"] == 0)
    assert opened["starts"][f"{CHECKOUT}/0"] == 3, "a topic new to a lane begins at its log start, which is told"
    assert worker.process.poll() is None


def _lane(number: int, sure: bool, position: int) -> Any:
    """As much of a lane as the purge looks at."""
    return SimpleNamespace(
        sure=sure,
        why_closed=None if sure else "an alarm",
        positions=lambda: {TP(CHECKOUT, number): position, TP("panlock.decisions", number): 7},
    )


async def _purge_twice(panlock: Deployment, lanes: dict[int, Any]) -> None:
    """`purge_every_minute` of a worker that stops after its second round."""
    rounds = 0

    async def sleep(_: float) -> None:
        nonlocal rounds
        rounds += 1
        app.should_stop = rounds > 2

    app = SimpleNamespace(should_stop=False, sleep=sleep)
    kafka = Kafka.model_validate(panlock.cluster.config("panlock-worker"))
    worker: Any = SimpleNamespace(app=app, lanes=lanes, config=SimpleNamespace(kafka=kafka))
    await agents.purge.purge_every_minute(worker)


def _log_start(panlock: Deployment, partition: int) -> int:
    tp = TopicPartition(CHECKOUT, partition)
    return int(panlock.admin.list_offsets({tp: OffsetSpec.earliest()})[tp].result(30).offset)
