"""Lanes and workers come and go: opening behind a former owner, moving under traffic, spares, status."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from deploy.dev.cluster import DevCluster
from tables.store import LaneStore
from tests.audited import check_chain, clean_ids, lane_events, released, wait_fates
from tests.deployment import Deployment, WorkerProcess, until
from tests.integration.cli_runner import run
from tests.integration.engine_policy import CHECKOUT, CLEAN, POLICY, lane, open_lanes, plain

SESSION = 1.5  # seconds until a silent worker's lanes move
DRAINED = 10.0  # seconds that a worker may take to end


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, POLICY) as deployment:
        yield deployment


class Traffic:
    """Numbered records to both partitions, one after another, until it is stopped; `count` are acknowledged."""

    def __init__(self, panlock: Deployment) -> None:
        self._panlock, self._end = panlock, threading.Event()
        self.count = 0
        self._thread = threading.Thread(target=lambda: asyncio.run(self._send()))

    def __enter__(self) -> "Traffic":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    async def _send(self) -> None:
        producer = AIOKafkaProducer(**self._panlock.client("checkout"), enable_idempotence=True)
        await producer.start()
        try:
            while not self._end.is_set():
                value = b'{"n":%d}' % self.count
                sent = [await producer.send(CHECKOUT, value, b"k%d" % partition, partition) for partition in (0, 1)]
                await asyncio.gather(*sent)
                self.count += 1
                await asyncio.sleep(0.002)
        finally:
            await producer.stop()

    def wait_more(self, count: int) -> None:
        least = self.count + count
        until(f"{least} records sent", lambda: self.count >= least)


def check_all_once(panlock: Deployment, traffic: Traffic) -> None:
    """Each record is clean once, in order, and the audit says so."""
    wanted = {f"{CHECKOUT}/{partition}/{offset}" for partition in (0, 1) for offset in range(traffic.count)}
    until(f"{len(wanted)} clean records", lambda: len(panlock.read(CLEAN)) >= len(wanted))
    found = panlock.read(CLEAN)
    assert Counter(clean_ids(panlock, CLEAN)) == Counter(wanted)
    for partition in (0, 1):
        numbers = [json.loads(record.value or b"")["n"] for record in found if record.partition == partition]
        assert numbers == list(range(traffic.count))
    check_chain(panlock)


def holder(workers: list[WorkerProcess], number: int) -> WorkerProcess | None:
    """Who has the lane open."""
    return next((each for each in workers if each.process.poll() is None and number in open_lanes(each)), None)


def test_nothing_of_a_former_owners_open_transaction_is_ever_seen(panlock: Deployment) -> None:
    """Opening waits for its end: InitProducerId aborts it."""

    async def former() -> AIOKafkaProducer:
        producer = AIOKafkaProducer(**panlock.client("panlock-worker"), transactional_id="panlock-0")
        await producer.start()
        await producer.begin_transaction()
        await producer.send_and_wait(CLEAN, b'{"half":"done"}', b"k", 0)
        await producer.send_and_wait("panlock.state", b"\x01" * 41, b"chain", 0)
        return producer

    async def go() -> None:
        producer = await former()
        worker = await asyncio.to_thread(lambda: panlock.worker().wait_ready(2))
        assert open_lanes(worker) == [0, 1]
        with pytest.raises(KafkaError):
            await producer.commit_transaction()
        await producer._sender.close()
        await producer.client.close()
        producer._closed = True

    asyncio.run(go())
    panlock.produce(CHECKOUT, plain(0, 3))
    wait_fates(panlock, released(CHECKOUT, 0, range(3)))
    assert clean_ids(panlock, CLEAN) == [f"{CHECKOUT}/0/{offset}" for offset in range(3)]
    check_chain(panlock)


def test_lanes_move_to_one_that_joins_and_back_from_one_that_ends_under_traffic(panlock: Deployment) -> None:
    first = panlock.worker("w1").wait_ready(2)
    with Traffic(panlock) as traffic:
        traffic.wait_more(50)
        second = panlock.worker("w2").wait_ready(1)
        until("one lane each", lambda: len(open_lanes(first)) == 1)
        (moved,) = open_lanes(second)
        event = lane_events(panlock, "lane.opened", moved)[-1]
        assert event["actor"]["worker"] == second.status()["worker"]
        assert event["former"]["worker"] == first.status()["worker"]
        traffic.wait_more(50)
        began = time.monotonic()
        assert second.stop() == 0
        assert time.monotonic() - began < DRAINED
        assert lane_events(panlock, "lane.closed", moved)[-1]["actor"] == event["actor"]
        until("both lanes back", lambda: open_lanes(first) == [0, 1])
        traffic.wait_more(50)
    check_all_once(panlock, traffic)


def test_a_spare_idles_beyond_its_session_and_then_takes_over_from_a_killed_worker(panlock: Deployment) -> None:
    workers = [panlock.worker(f"w{number}", session_timeout=SESSION) for number in (1, 2, 3)]

    def settled() -> bool:
        return sorted(len(open_lanes(each)) for each in workers) == [0, 1, 1]

    until("two workers with a lane each, and a spare", settled)
    spare = next(each for each in workers if not open_lanes(each))
    time.sleep(4 * SESSION)  # the idle time itself is what is tested
    assert settled() and not open_lanes(spare)
    killed = next(each for each in workers if open_lanes(each))
    (number,) = open_lanes(killed)
    killed.kill()
    workers.remove(killed)
    until("both lanes open", lambda: all(holder(workers, each) for each in (0, 1)))
    assert len(open_lanes(spare)) == 1
    panlock.produce(CHECKOUT, plain(number, 20))
    wait_fates(panlock, released(CHECKOUT, number, range(20)))
    assert spare.stop() == 0


def test_a_store_that_another_process_has_ends_the_worker_and_says_which(panlock: Deployment) -> None:
    store = LaneStore(panlock.directory / "w1" / "store" / "lane-0")
    try:
        worker = panlock.worker("w1")
        assert worker.process.wait(30) == 1
        assert "a lane has ended" in worker.tail() and "store/lane-0" in worker.tail()
    finally:
        store.close()
    panlock.worker("w1").wait_ready(2)


def test_a_worker_tells_its_health_and_its_lanes(panlock: Deployment) -> None:
    worker = panlock.worker()
    until("an answer", lambda: worker.get("/healthz"))
    worker.wait_ready(2)
    panlock.produce(CHECKOUT, plain(0, 7) + plain(1, 5))
    wait_fates(panlock, released(CHECKOUT, 0, range(7)) | released(CHECKOUT, 1, range(5)))
    status = worker.status()
    name = status["worker"]
    assert name.startswith("panlock-worker@") and status["policy"] == panlock.policy.hash and status["of"] == 2
    assert worker.get("/healthz") == (200, {"ok": True, "worker": name})
    assert worker.get("/readyz") == (200, {"ready": True, "kafka": True, "closed": {}, "break_glass": {}})
    zero = lane(worker, 0)
    wanted = {"lane", "state", "why", "alarm", "break_glass", "inbox", "transaction_seconds", "inputs", "outcomes"}
    assert zero.keys() == wanted
    assert (zero["state"], zero["why"], zero["alarm"]) == ("open", None, None)
    assert zero["inbox"] == {"records": 0, "bytes": 0} and 0 < zero["transaction_seconds"] < 5
    assert zero["outcomes"] == [{"flow": "payments", "outcome": "released", "reason": "", "records": 7}]
    (checkout,) = (each for each in zero["inputs"] if each["topic"] == CHECKOUT)
    assert checkout["partition"] == 0 and checkout["position"] == 7 and checkout["lag"] == 0
    assert {each["topic"] for each in zero["inputs"]} == {CHECKOUT, "quarantine.payments.refunds", "panlock.decisions"}

    told = run("lanes", "--worker", str(panlock.directory / "w1" / "worker.yaml"), "--json")
    assert told.code == 0 and [each["worker"] for each in told.json] == [name]
    assert [each["lane"] for each in told.json[0]["lanes"]] == [0, 1]
    table = run("lanes", "--worker", worker.url)
    assert table.code == 0 and "open" in table.out


def test_lag_tools_find_the_committed_positions_in_the_group(panlock: Deployment) -> None:
    panlock.worker().wait_ready(2)
    panlock.produce(CHECKOUT, plain(0, 7) + plain(1, 5))
    wanted = {(CHECKOUT, 0): 7, (CHECKOUT, 1): 5}
    asked = [ConsumerGroupTopicPartitions("panlock", [TopicPartition(*tp) for tp in wanted])]

    def offsets() -> bool:
        (future,) = panlock.admin.list_consumer_group_offsets(asked).values()
        return {(tp.topic, tp.partition): tp.offset for tp in future.result(30).topic_partitions} == wanted

    until("the group's offsets", offsets)
    group = panlock.admin.describe_consumer_groups(["panlock"])["panlock"].result(30)
    assert len(group.members) == 1
