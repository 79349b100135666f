"""A deployment with signed and sealed producers, and what a test needs to write to it byte by byte."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from aiokafka import AIOKafkaProducer

from agents.cluster import identify, topic_bytes
from agents.settings import Kafka
from deploy.dev.ca import Credentials
from deploy.dev.cluster import DevCluster
from pipeline.identity.envelope import Place
from pipeline.identity.sealing_keys import Kem, PrivateKey, private_key, private_text
from pipeline.record import RecordId
from tests.approving import Person
from tests.deployment import Deployment, WorkerProcess, until
from tests.signing import Pod, Written

ANA, OPS = Person("ana"), Person("opal")
CHECKOUT, SEALED = "quarantine.payments.checkout", "quarantine.secrets.checkout"
POLICY = f"""
version: 1
lanes: 2
principals:
  checkout: {{spiffe: spiffe://dev.panlock/checkout, identity: signed}}
  legacy: {{spiffe: spiffe://dev.panlock/legacy}}
people:
  ana@pay.example: {{certificate: ana, roles: [approvers], keys: [{ANA.jwk}]}}
  opal@pay.example: {{certificate: opal, roles: [operators], keys: [{OPS.jwk}]}}
flows:
  payments:
    producers: [checkout, legacy]
    partitions: 2
    fields: [{{path: $.card, class: pan, strategy: token}}]
    hold:
      - {{id: long, when: 'has(record.hold)', reason: a test, approvers: [approvers], expires: 1h}}
  secrets:
    producers: [checkout]
    partitions: 2
    quarantine: sealed
    fields: [{{path: $.card, class: pan, strategy: token}}]
"""
CARD = b'{"card":"4111111111111111"}'


class SignedDeployment(Deployment):
    """`seal_keys`: those that workers are started with, by id."""

    def __init__(self, cluster: DevCluster, directory: Path) -> None:
        self.seal_keys: dict[str, str] = {}
        super().__init__(cluster, directory, POLICY)
        self.first = self.seal_key("s1")

    def seal_key(self, name: str) -> PrivateKey:
        """A new one, which workers started from now on have."""
        seed = os.urandom(32)
        file = self.directory / f"{name}.key"
        file.write_text(private_text(Kem.MLKEM768_X25519, seed))
        file.chmod(0o600)
        self.seal_keys[name] = str(file)
        return private_key(Kem.MLKEM768_X25519, seed)

    def signed_worker(self, name: str = "w1", faults: str = "") -> WorkerProcess:
        return self.worker(name, faults, seal_keys=self.seal_keys)

    def credentials(self, name: str = "checkout") -> Credentials:
        return self.cluster.issue(name)

    def pod(self, sealed: bool = False, key: PrivateKey | None = None) -> Pod:
        return Pod("checkout", self.credentials(), (key or self.first).public if sealed else None)

    def place(self, topic: str, partition: int = 0) -> Place:
        kafka = Kafka.model_validate(self.cluster.config("admin"))
        identity = asyncio.run(identify(kafka, [topic]))
        return Place(identity.cluster_id, topic_bytes(identity.topic_ids[topic]), partition)

    def sign(
        self, pod: Pod, topic: str = CHECKOUT, count: int = 1, partition: int = 0, *, ago: int = 0, carry: bool = True
    ) -> list[Written]:
        """`ago`: ms by which the producer's clock is behind."""
        pairs = [(b"k%d" % n, CARD) for n in range(count)]
        return pod.write(self.place(topic, partition), now_ms() - ago, *pairs, carry=carry)

    def put(
        self, written: Sequence[Written], topic: str = CHECKOUT, partition: int = 0, name: str = "checkout"
    ) -> list[str]:
        """Write them as they are; returns their record ids."""

        async def go() -> list[str]:
            producer = AIOKafkaProducer(**self.client(name), enable_idempotence=True)
            await producer.start()
            try:
                sent = [
                    await producer.send(topic, value, key, partition, headers=list(headers))
                    for key, value, headers in written
                ]
                return [str(RecordId(topic, partition, (await each).offset)) for each in sent]
            finally:
                await producer.stop()

        return asyncio.run(go())

    def fate(self, records: Sequence[str]) -> list[str]:
        """Each record's outcome, or the reason of its rejection, once there is one."""

        def complete() -> list[str] | None:
            found = {
                event["resource"]["record"]: event.get("reason") if event["outcome"] == "rejected" else event["outcome"]
                for event in self.events()
                if "outcome" in event
            }
            return [found[record] for record in records] if all(record in found for record in records) else None

        return until(f"outcomes of {len(records)} records", complete)


def now_ms() -> int:
    return int(time.time() * 1000)


def soon(what: str, look: Callable[[], object], seconds: float) -> None:
    """Until it is so, and AssertionError if that takes longer."""
    until(what, lambda: bool(look()), seconds)
