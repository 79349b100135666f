"""The broker itself compacts an event away: whoever may change the topic and write to it can have that done."""

import asyncio
from hashlib import sha256
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from deploy.dev.cluster import DevCluster
from pipeline.audit.events import Chain, EventType, timestamp
from pipeline.policy.topics import AUDIT
from tests.audit_keys import POLICY as AUDIT_KEYS
from tests.audit_keys import WORKER
from tests.deployment import Deployment, WorkerProcess, until
from tests.integration.cli_runner import Cli

POLICY = (
    """
version: 1
lanes: 1
principals:
  checkout: {spiffe: spiffe://pay.example/checkout}
flows:
  payments: {producers: [checkout], partitions: 1}
"""
    + AUDIT_KEYS
)
EAGER = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.001",
    "min.compaction.lag.ms": "0",
    "segment.ms": "100",
}


class Lane:
    """Writes on where lane 0 is, as its worker would."""

    def __init__(self, panlock: Deployment) -> None:
        self.panlock, self.events = panlock, [record.value or b"" for record in panlock.read(AUDIT)]
        self.chain = Chain(0, "ab" * 32, len(self.events), sha256(self.events[-1]).hexdigest())
        self.log = f"{panlock.cluster_id()}/{AUDIT}/0"

    def write(self, key: bytes, value: bytes) -> None:
        async def go() -> None:
            producer = AIOKafkaProducer(**self.panlock.client("admin"))
            await producer.start()
            await producer.send_and_wait(AUDIT, value, key, 0)
            await producer.stop()

        asyncio.run(go())

    def grow(self) -> None:
        """By one event, which rolls the segment, so that what lies before can be compacted."""
        key, event = self.chain.event(EventType.LANE_CLOSED, timestamp(0))
        self.write(key, self.chain.sign_last(event, WORKER, self.log))


def refusal(sealer: WorkerProcess, log: str) -> dict[str, Any] | None:
    answer = sealer.get("/logs")
    return next((each["refused"] for each in answer[1]["logs"] if each["log"] == log), None) if answer else None


def test_an_event_that_compaction_removed_is_named_by_verify_and_by_the_sealer(
    cluster: DevCluster, tmp_path: Path
) -> None:
    with Deployment(cluster, tmp_path, POLICY) as panlock:
        worker = panlock.worker().wait_ready(1)
        panlock.produce("quarantine.payments.checkout", [(0, b"k", b"{}")] * 3)
        panlock.wait_events(3, "record.released")
        assert worker.stop() == 0
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in EAGER.items()
        ]
        topic = ConfigResource(ResourceType.TOPIC, AUDIT, incremental_configs=entries)
        panlock.admin.incremental_alter_configs([topic])[topic].result(30)
        lane = Lane(panlock)
        lane.write(b"0/1", lane.events[1])  # the same bytes: nothing but its place is wrong with it

        def is_compacted() -> bool:
            lane.grow()
            return [record.key for record in panlock.read(AUDIT)].count(b"0/1") == 1

        until("the broker's cleaner has removed the first of them", is_compacted)
        auditor = Cli(cluster, tmp_path, "panlock-auditor", {}, {})
        ended = auditor("audit", "verify", "--json", "--policy", str(panlock.policy_file))
        assert ended.code == 1
        assert ended.json["gaps"] == [{"lane": 0, "seq": 1, "what": "event 1 is missing"}]
        assert [(each["seq"], "compaction" in each["what"]) for each in ended.json["breaks"]] == [(1, True)]

        sealer = panlock.sealer()
        refused = until("that it is refused", lambda: refusal(sealer, lane.log))
        assert refused["reason"] == "gap"
        assert "compaction" in refused["what"]
        assert sealer.stop() == 0
