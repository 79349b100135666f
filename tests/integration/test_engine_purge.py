"""Purging: a quarantine log starts exactly where its lane has come to, and no worker can remove anything else."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import NotLeaderForPartitionError, TopicAuthorizationFailedError
from faust.types import TP

from agents.administration import administration
from agents.purge import purge
from agents.settings import Kafka
from deploy.dev.cluster import DevCluster
from tests.audited import released, wait_fates
from tests.deployment import Deployment, until
from tests.integration.engine_policy import CHECKOUT, CLEAN, POLICY, lane, plain


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, POLICY) as deployment:
        yield deployment


def worker_identity(panlock: Deployment) -> Kafka:
    return Kafka.model_validate(panlock.cluster.config("panlock-worker"))


def log_starts(panlock: Deployment, topic: str) -> list[int]:
    """First offset of partitions 0 and 1."""

    async def go() -> list[int]:
        async with AIOKafkaConsumer(**panlock.client("admin")) as consumer:
            tps = [TopicPartition(topic, partition) for partition in (0, 1)]
            found = await consumer.beginning_offsets(tps)
            return [found[tp] for tp in tps]

    return asyncio.run(go())


def test_the_log_starts_exactly_at_the_committed_position_and_the_lane_goes_on(panlock: Deployment) -> None:
    worker = panlock.worker().wait_ready(2)
    panlock.produce(CHECKOUT, plain(0, 7) + plain(1, 5))
    wait_fates(panlock, released(CHECKOUT, 0, range(7)) | released(CHECKOUT, 1, range(5)))
    positions = {
        TP(each["topic"], each["partition"]): each["position"]
        for number in (0, 1)
        for each in lane(worker, number)["inputs"]
        if each["topic"] == CHECKOUT
    }
    assert asyncio.run(purge(worker_identity(panlock), positions)) == positions
    assert log_starts(panlock, CHECKOUT) == [7, 5]
    panlock.produce(CHECKOUT, plain(0, 2))
    wait_fates(panlock, released(CHECKOUT, 0, (7, 8)))
    assert worker.stop() == 0
    worker = panlock.worker().wait_ready(2)
    assert lane(worker, 0)["alarm"] is None and panlock.events("records.lost") == []


def test_a_partition_that_cannot_be_purged_does_not_stop_the_others(panlock: Deployment) -> None:
    panlock.produce(CHECKOUT, plain(0, 3) + plain(1, 3))
    asked = {TP(CHECKOUT, 0): 99, TP("quarantine.payments.nobody", 0): 1, TP(CHECKOUT, 1): 2}
    assert asyncio.run(purge(worker_identity(panlock), asked)) == {TP(CHECKOUT, 1): 2}
    assert log_starts(panlock, CHECKOUT) == [0, 2]


@pytest.mark.parametrize("topic", [CLEAN, "panlock.audit", "panlock.state", "panlock.decisions", "panlock.pending"])
def test_a_worker_may_delete_nothing_but_quarantine_records(panlock: Deployment, topic: str) -> None:
    async def refused() -> bool:
        async with administration(worker_identity(panlock)) as admin:
            try:
                await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=0)})
            except NotLeaderForPartitionError:  # a topic just made
                return False
            except TopicAuthorizationFailedError:
                return True
        raise AssertionError(f"a worker may remove records of {topic}")

    until("an answer", lambda: asyncio.run(refused()))
    assert asyncio.run(purge(worker_identity(panlock), {TP(topic, 0): 0})) == {}


def test_a_purge_without_a_broker_is_put_off(panlock: Deployment) -> None:
    nowhere = worker_identity(panlock).model_copy(update={"bootstrap": "127.0.0.1:1"})
    assert asyncio.run(purge(nowhere, {TP(CHECKOUT, 0): 1})) == {}
