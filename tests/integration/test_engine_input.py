"""Input that was removed unread, recreated or reset: an alarm and a closed lane, never silence, never twice."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from deploy.dev.cluster import DevCluster
from tests.audited import check_chain, clean_ids, fates, lane_events, released, wait_fates
from tests.deployment import Deployment, WorkerProcess, until
from tests.integration.engine_policy import ANA, CHECKOUT, CLEAN, OPS, POLICY, lane, plain


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, POLICY) as deployment:
        yield deployment


def test_records_deleted_while_no_worker_runs_close_their_lane_until_an_operator_resumes(panlock: Deployment) -> None:
    panlock.worker().wait_ready(2).stop()
    panlock.produce(CHECKOUT, plain(0, 5) + plain(1, 5))
    _delete(panlock, 0, 3)
    worker = panlock.worker()
    (lost,) = panlock.wait_events(1, "records.lost")
    assert (lost["lane"], lost["lost"], lost["resource"]) == (0, {"from": 0, "to": 3}, _input(0))
    wait_fates(panlock, released(CHECKOUT, 1, range(5)))
    assert _stopped(worker, lost["id"])

    ANA.resume(panlock, 0, lost["id"])
    (refused,) = panlock.wait_events(1, "decision.refused")
    assert (refused["reason"], refused["actor"]) == ("wrong-role", {"person": "ana@pay.example"})
    assert _stopped(worker, lost["id"])
    assert not any(record.startswith(f"{CHECKOUT}/0/") for record in fates(panlock))

    OPS.resume(panlock, 0, lost["id"])
    (resumed,) = panlock.wait_events(1, "lane.resumed")
    assert (resumed["actor"], resumed["alarm"]) == ({"person": "opal@pay.example"}, lost["id"])
    wait_fates(panlock, released(CHECKOUT, 0, [3, 4]))
    check_chain(panlock)


def test_records_deleted_under_a_running_worker_close_their_lane_alone(panlock: Deployment) -> None:
    """They wait behind an open transaction, where a read_committed reader cannot see them."""
    worker = panlock.worker().wait_ready(2)
    panlock.produce(CHECKOUT, plain(0, 2))
    wait_fates(panlock, released(CHECKOUT, 0, range(2)))
    asyncio.run(_hidden(panlock, lambda: _delete(panlock, 0, 5)))
    (lost,) = panlock.wait_events(1, "records.lost")
    assert (lost["lost"], lost["resource"]) == ({"from": 2, "to": 5}, _input(0))
    assert _stopped(worker, lost["id"])
    panlock.produce(CHECKOUT, plain(0, 1) + plain(1, 1))
    wait_fates(panlock, released(CHECKOUT, 1, [0]))
    OPS.resume(panlock, 0, lost["id"])
    wait_fates(panlock, released(CHECKOUT, 0, [0, 1, 8]))  # 2 to 6 hidden and aborted, 7 the marker
    check_chain(panlock)


def test_an_alarm_outlives_the_worker_and_stays_one_event(panlock: Deployment) -> None:
    panlock.worker().wait_ready(2).stop()
    panlock.produce(CHECKOUT, plain(0, 5))
    _delete(panlock, 0, 3)
    first = panlock.worker()
    (lost,) = panlock.wait_events(1, "records.lost")
    first.kill()
    second = panlock.worker("w2")
    assert _stopped(second, lost["id"])
    assert len(panlock.events("records.lost")) == 1


@pytest.mark.parametrize("running", [False, True], ids=["stopped", "running"])
def test_a_recreated_topic_closes_its_lanes_until_an_operator_resumes(panlock: Deployment, running: bool) -> None:
    """The new topic has more records than the lane had read of the former one: positions alone would not tell."""
    worker = panlock.worker().wait_ready(2)
    panlock.produce(CHECKOUT, plain(0, 2))
    wait_fates(panlock, released(CHECKOUT, 0, range(2)))
    if not running:
        worker.stop()
    panlock.recreate(CHECKOUT)
    panlock.produce(CHECKOUT, plain(0, 6))
    if not running:
        worker = panlock.worker()
    alarms = {event["lane"]: event["id"] for event in panlock.wait_events(2, "topic.recreated")}
    assert all(_stopped(worker, alarms[number], number) for number in (0, 1))
    assert len(clean_ids(panlock, CLEAN)) == 2, "nothing of the new topic before somebody has said so"
    for number in (0, 1):
        OPS.resume(panlock, number, alarms[number])
    until("all of the new topic", lambda: len(clean_ids(panlock, CLEAN)) >= 8)
    assert sorted(clean_ids(panlock, CLEAN)) == sorted([f"{CHECKOUT}/0/{offset}" for offset in (*range(2), *range(6))])
    check_chain(panlock)


def test_a_group_reset_to_earliest_releases_nothing_twice(panlock: Deployment) -> None:
    panlock.worker().wait_ready(2).stop()
    panlock.worker().wait_ready(2)
    panlock.produce(CHECKOUT, plain(0, 20) + plain(1, 20))
    wait_fates(panlock, released(CHECKOUT, 0, range(20)) | released(CHECKOUT, 1, range(20)))
    panlock.workers[-1].kill()
    until("an empty group", lambda: _reset_group(panlock))
    panlock.worker().wait_ready(2)
    panlock.produce(CHECKOUT, plain(0, 1) + plain(1, 1))
    wait_fates(panlock, released(CHECKOUT, 0, range(21)) | released(CHECKOUT, 1, range(21)))
    assert len(clean_ids(panlock, CLEAN)) == 42
    assert not lane_events(panlock, "records.lost", 0)


def _input(partition: int) -> dict[str, object]:
    return {"topic": CHECKOUT, "partition": partition}


def _delete(panlock: Deployment, partition: int, before: int) -> None:
    for future in panlock.admin.delete_records([TopicPartition(CHECKOUT, partition, before)]).values():
        future.result(30)


async def _hidden(panlock: Deployment, meanwhile: Callable[[], None]) -> None:
    """Five records in a transaction that is open meanwhile, and then aborted."""
    producer = AIOKafkaProducer(transactional_id="hidden", **panlock.client("admin"))
    await producer.start()
    await producer.begin_transaction()
    for _ in range(5):
        await producer.send_and_wait(CHECKOUT, b"{}", partition=0)
    await asyncio.to_thread(meanwhile)
    await producer.abort_transaction()
    await producer.stop()


def _reset_group(panlock: Deployment) -> bool:
    """Offsets to 0; False while the group still has members."""
    tps = [TopicPartition(CHECKOUT, partition, 0) for partition in (0, 1)]
    asked = panlock.admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions("panlock", tps)])
    try:
        done = [future.result(30) for future in asked.values()]
    except Exception:  # noqa: BLE001 - UNKNOWN_MEMBER_ID while it is not empty
        return False
    return all(each.error is None for group in done for each in group.topic_partitions)


def _stopped(worker: WorkerProcess, event: str, number: int = 0) -> bool:
    """Whether the lane stands still and names the alarm."""
    why = until(f"lane {number} closed by alarm {event}", lambda: lane(worker, number).get("alarm") == event)
    return bool(why) and lane(worker, number)["state"] == "closed"
