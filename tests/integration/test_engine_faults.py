"""Faults at named points of the engine: nothing is lost, doubled or silent, and the other lane goes on."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from deploy.dev.cluster import DevCluster
from pipeline.state import CHAIN, decode_chain, encode_chain, encode_position, next_key
from tables.store import LaneStore
from tests.audited import check_chain, clean_ids, fates, lane_events, released, wait_fates
from tests.deployment import Deployment, until
from tests.integration.engine_policy import CHECKOUT, CLEAN, POLICY, SHORT, lane, open_lanes, plain

POINTS = ("delivery", "before-commit", "after-commit")


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, POLICY) as deployment:
        yield deployment


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_at_a_named_point_neither_loses_nor_doubles(panlock: Deployment, point: str) -> None:
    """At the fourth passage: the first two are the lanes' openings."""
    worker = panlock.worker(faults=f"{point}=kill@4", session_timeout=1.5).wait_ready(2)
    panlock.produce(CHECKOUT, plain(0, 50) + plain(1, 50))
    panlock.produce(CHECKOUT, plain(0, 50) + plain(1, 50))
    assert worker.process.wait(30) == -signal.SIGKILL
    worker = panlock.worker(session_timeout=1.5).wait_ready(2)
    wait_fates(panlock, released(CHECKOUT, 0, range(100)) | released(CHECKOUT, 1, range(100)))
    assert sorted(clean_ids(panlock, CLEAN)) == sorted(fates(panlock))
    check_chain(panlock)
    assert worker.stop() == 0


def test_a_failure_at_any_named_point_neither_loses_nor_doubles(panlock: Deployment) -> None:
    faults = ",".join(f"{point}=fail@{passage}" for point, passage in zip(POINTS, (4, 6, 8), strict=True))
    worker = panlock.worker(faults=faults).wait_ready(2)
    sent = 0

    def all_failed() -> bool:
        nonlocal sent
        sent = panlock.produce(CHECKOUT, plain(0, 5) + plain(1, 5))[-1] + 1
        return all(f"InjectedError('{point}')" in worker.log.read_text() for point in POINTS)

    until("a failure at each point", all_failed)
    wait_fates(panlock, released(CHECKOUT, 0, range(sent)) | released(CHECKOUT, 1, range(sent)))
    assert sorted(clean_ids(panlock, CLEAN)) == sorted(fates(panlock))
    check_chain(panlock)
    assert worker.stop() == 0


def test_a_delivery_that_the_broker_refuses_is_rejected_and_the_lane_goes_on(panlock: Deployment) -> None:
    """An administrator lowers the clean topic's limit under the worker, which knows the former one."""
    worker = panlock.worker().wait_ready(2)
    _set_limit(panlock, CLEAN, 2_000)
    panlock.produce(CHECKOUT, [(0, b"k", b'{"text":"%s"}' % (b"x" * 5_000)), *plain(0, 3)])
    wait_fates(panlock, {f"{CHECKOUT}/0/0": ["rejected too-large"], **released(CHECKOUT, 0, range(1, 4))})
    assert "opens again" in worker.log.read_text()
    assert clean_ids(panlock, CLEAN) == [f"{CHECKOUT}/0/{offset}" for offset in range(1, 4)]
    check_chain(panlock)


def test_a_hold_expires_in_a_lane_where_nothing_else_happens(panlock: Deployment) -> None:
    panlock.worker().wait_ready(2)
    panlock.produce(CHECKOUT, [(0, b"k", SHORT)])
    wait_fates(panlock, {f"{CHECKOUT}/0/0": ["held", "rejected expired"]})


def test_a_worker_that_lost_the_lane_while_a_hold_expired_expires_nothing(panlock: Deployment) -> None:
    """Stopped beyond its session, it wakes up with the hold due and the lane somewhere else."""
    workers = [panlock.worker(name, session_timeout=1.5) for name in ("w1", "w2")]
    until("two workers with a lane each", lambda: all(open_lanes(worker) for worker in workers))
    owner = next(worker for worker in workers if 0 in open_lanes(worker))
    panlock.produce(CHECKOUT, [(0, b"k", SHORT)])
    panlock.wait_events(1, "record.held")
    owner.send(signal.SIGSTOP)
    expected = {f"{CHECKOUT}/0/0": ["held", "rejected expired"]}
    wait_fates(panlock, expected)
    types = [event["type"] for event in panlock.events() if event["lane"] == 0]
    assert types[types.index("record.held") :] == ["record.held", "lane.opened", "record.rejected"]
    before = len(panlock.events("lane.opened"))
    owner.send(signal.SIGCONT)
    panlock.wait_events(before + 1, "lane.opened")  # it has found out, and is a member again
    panlock.produce(CHECKOUT, plain(0, 3))
    wait_fates(panlock, expected | released(CHECKOUT, 0, range(1, 4)))
    assert len(panlock.read("panlock.rejections.checkout")) == 1
    assert [worker.process.poll() for worker in workers] == [None, None]
    check_chain(panlock)


def test_a_chain_head_that_is_not_the_audits_keeps_its_lane_closed(panlock: Deployment) -> None:
    panlock.worker().wait_ready(2).stop()
    panlock.produce("panlock.audit", [(0, b"0/2", b'{"type":"forged"}')], "admin")
    worker = panlock.worker()
    until("lane 1 open", lambda: lane(worker, 1).get("state") == "open")
    until("lane 0 closed for good", lambda: "panlock.audit ends with event 0/2" in str(lane(worker, 0).get("why")))
    panlock.produce(CHECKOUT, plain(0, 1) + plain(1, 1))
    wait_fates(panlock, released(CHECKOUT, 1, [0]))
    assert f"{CHECKOUT}/0/0" not in fates(panlock)
    assert len(lane_events(panlock, "lane.opened", 0)) == 1, "it wrote nothing"


def test_a_store_ahead_of_what_kafka_kept_is_rebuilt(panlock: Deployment) -> None:
    """As after a commit that Kafka answered and then lost: that records were decided, the store says alone."""
    worker = panlock.worker().wait_ready(2)
    panlock.produce(CHECKOUT, plain(0, 3))
    wait_fates(panlock, released(CHECKOUT, 0, range(3)))
    worker.stop()
    store = LaneStore(worker.store / "lane-0")
    seq, _ = decode_chain(store.get(CHAIN))
    ahead = {CHAIN: encode_chain(seq + 2, "0" * 64), next_key(CHECKOUT, 0): encode_position(5)}
    store.apply(ahead, store.applied())
    store.close()
    panlock.produce(CHECKOUT, plain(0, 2))
    panlock.worker().wait_ready(2)
    wait_fates(panlock, released(CHECKOUT, 0, range(5)))
    [event] = panlock.events("store.corrupt")
    assert f"the lane's state with 0/{seq + 1}" in event["reason"]
    check_chain(panlock)


def test_a_transaction_that_nobody_ends_keeps_its_lane_closed_and_says_where_it_lies(panlock: Deployment) -> None:
    async def go() -> None:
        hanging = AIOKafkaProducer(transactional_id="hanging", **panlock.client("admin"))
        await hanging.start()
        await hanging.begin_transaction()
        await hanging.send_and_wait("clean.payments", b"{}", b"k", 0)
        worker = panlock.worker()
        where = "lies in clean.payments/0 from offset 0:"
        await asyncio.to_thread(until, "lane 0 closed", lambda: where in str(lane(worker, 0).get("why")))
        assert lane(worker, 1)["state"] == "open"
        await hanging.abort_transaction()
        await asyncio.to_thread(worker.wait_ready, 2)
        await hanging.stop()

    asyncio.run(go())
    panlock.produce(CHECKOUT, plain(0, 1))
    wait_fates(panlock, released(CHECKOUT, 0, [0]))


def _set_limit(panlock: Deployment, topic: str, limit: int) -> None:
    entry = ConfigEntry("max.message.bytes", str(limit), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    for future in panlock.admin.incremental_alter_configs([resource]).values():
        future.result(30)
