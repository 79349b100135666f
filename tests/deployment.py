"""Panlock deployed on a development cluster, as a test needs it: provisioned topics, workers, producers, readers."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import ConsumerRecord
from confluent_kafka.admin import AdminClient
from prometheus_client.parser import text_string_to_metric_families

from agents.settings import Kafka
from deploy.admin import connect
from deploy.dev.clients import Cluster
from deploy.provision import provision
from pipeline.policy import Policy, parse_policy
from tests.audit_keys import BROKERS, SEALER, WORKER, key_file

PATIENCE = 60.0  # seconds: the bound of every wait; a machine under load is slow, a broken engine never gets there
STOPPING = 20.0  # seconds after SIGTERM: a worker drains within 10, on a machine that is not busy
T = TypeVar("T")


def until(what: str, look: Callable[[], T | None], patience: float = PATIENCE) -> T:
    """Look until there is something; AssertionError names what never came."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"never happened within {patience:.0f} s: {what}")


class WorkerProcess:
    """A `panlock worker`, or another `command` of its own process; `store` outlives it.

    It takes plain keys, unless its configuration has `key_services`.
    """

    def __init__(
        self,
        directory: Path,
        policy: Path,
        config: dict[str, Any],
        faults: str = "",
        command: str = "worker",
        more: Sequence[str] = (),
    ) -> None:
        self.store = Path(config["store"])
        self.log = directory / f"{command}.log"
        file = directory / f"{command}.yaml"
        file.write_text(yaml.safe_dump(config))
        (self.store / "web.port").unlink(missing_ok=True)
        arguments = [sys.executable, "-m", "cli", command, "--policy", str(policy), "--config", str(file), *more]
        if "key_services" not in config:
            arguments.append("--development")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                arguments,
                stdout=log,
                stderr=log,
                env={**os.environ, "PANLOCK_FAULTS": faults, "PYTHONFAULTHANDLER": "1"},
            )

    @property
    def url(self) -> str:
        port = until(f"the worker's web port ({self.tail()})", self._port)
        return f"http://127.0.0.1:{port}"

    def _port(self) -> str | None:
        assert self.process.poll() is None, f"the worker ended with {self.process.returncode}: {self.tail()}"
        path = self.store / "web.port"
        return path.read_text().strip() if path.exists() else None

    def get(self, path: str) -> tuple[int, dict[str, Any]] | None:
        """(status, body) of a page, None while nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except OSError:
            return None

    def metric(self, name: str, **labels: str) -> float:
        """The one sample of /metrics with these labels."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=5) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        samples = [each for family in families for each in family.samples]
        (found,) = [each.value for each in samples if each.name == name and each.labels == labels]
        return float(found)

    def status(self) -> dict[str, Any]:
        return until("an answer of /lanes", lambda: self.get("/lanes"))[1]

    def wait_ready(self, lanes: int | None = None) -> "WorkerProcess":
        def ready() -> bool:
            answer = self.get("/readyz")
            return bool(answer and answer[0] == 200 and (lanes is None or len(self.status()["lanes"]) == lanes))

        until(f"a ready process with {lanes} lanes ({self.log})", ready)
        return self

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-9000:]

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM, once it is up: one that has just started does not know it yet; returns the exit code."""
        until("the worker's start", lambda: self.process.poll() is not None or self._port() is not None)
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        try:
            return self.process.wait(STOPPING)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGUSR1)  # Faust's worker writes every task's stack into its log
            time.sleep(2)
            self.kill()
            raise AssertionError(f"the worker did not end on SIGTERM, see {self.log}: {self.tail()}") from None


class Deployment:
    """One policy on one cluster. Use as a context manager: every worker ends with it."""

    def __init__(self, cluster: Cluster, directory: Path, policy: str) -> None:
        self.cluster, self.directory = cluster, directory
        self.workers: list[WorkerProcess] = []
        self.token_key = directory / "k1.key"
        self.token_key.write_bytes(bytes(range(32)))
        self.token_key.chmod(0o600)
        self.admin: AdminClient = connect(cluster.config("admin"))
        self.clear()
        self.set_policy(policy)

    def set_policy(self, text: str) -> None:
        """Write and provision it; workers started from now on run it."""
        self.policy: Policy = parse_policy(text, "policy.yaml")
        self.policy_file = self.directory / f"policy-{self.policy.hash[:8]}.yaml"
        self.policy_file.write_text(text)
        provision(self.cluster.config("admin"), self.policy)

    def clear(self) -> None:
        """Delete what another test left on the cluster; done when the broker, too, has forgotten it."""
        names = self._topics()
        if names:
            for future in self.admin.delete_topics(names).values():
                future.result(30)
            until("the topics of a former test gone", lambda: not self._topics())

    def _topics(self) -> list[str]:
        return [name for name in self.admin.list_topics(timeout=30).topics if not name.startswith("__")]

    def recreate(self, topic: str) -> None:
        """Delete a topic and provision it again: the same name, another UUID."""
        self.admin.delete_topics([topic])[topic].result(30)
        until(f"{topic} gone", lambda: topic not in self.admin.list_topics(timeout=30).topics)
        provision(self.cluster.config("admin"), self.policy)

    def cluster_id(self) -> str:
        return str(self.admin.describe_cluster().result(30).cluster_id)

    def __enter__(self) -> "Deployment":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.kill()

    def worker(self, name: str = "w1", faults: str = "", **config: Any) -> WorkerProcess:
        """Start one; the same name uses the same store again."""
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        settings = {
            "kafka": self.cluster.config("panlock-worker"),
            "store": str(directory / "store"),
            "token_keys": {"k1": str(self.token_key)},
            "token_key": "k1",
            "session_timeout": 3.0,
            **({"audit_key": str(key_file(directory, "worker", WORKER))} if self.policy.audit.worker_keys else {}),
            **config,
        }
        worker = WorkerProcess(directory, self.policy_file, settings, faults)
        self.workers.append(worker)
        return worker

    def sealer(self, name: str = "sealer", **config: Any) -> WorkerProcess:
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        settings = {
            "kafka": self.cluster.config("panlock-sealer"),
            "store": str(directory / "store"),
            "audit_key": str(key_file(directory, "sealer", SEALER)),
            **config,
        }
        sealer = WorkerProcess(directory, self.policy_file, settings, command="sealer")
        self.workers.append(sealer)
        return sealer

    def broker_audit(self, name: str = "broker-audit", arguments: Sequence[str] = (), **config: Any) -> WorkerProcess:
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        settings = {
            "kafka": self.cluster.config("panlock-broker-audit"),
            "store": str(directory / "store"),
            "audit_key": str(key_file(directory, "brokers", BROKERS)),
            **config,
        }
        process = WorkerProcess(directory, self.policy_file, settings, command="broker-audit", more=arguments)
        self.workers.append(process)
        return process

    def client(self, name: str) -> dict[str, Any]:
        """Arguments of an aiokafka client with the certificate CN=`name`."""
        return Kafka.model_validate(self.cluster.config(name)).client()

    def produce(
        self,
        topic: str,
        records: Iterable[tuple[int, bytes | None, bytes | None]],
        name: str | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> list[int]:
        """(partition, key, value) each; returns the offsets. As the topic's owner, unless another is named."""
        owner = name or topic.rsplit(".", 1)[-1]

        async def go() -> list[int]:
            producer = AIOKafkaProducer(**self.client(owner), enable_idempotence=True, max_request_size=8 << 20)
            await producer.start()
            try:
                sent = [
                    await producer.send(topic, value, key, partition, headers=list(headers))
                    for partition, key, value in records
                ]
                return [(await each).offset for each in sent]
            finally:
                await producer.stop()

        return asyncio.run(go())

    def read(self, topic: str, name: str = "admin") -> list[ConsumerRecord]:
        """Everything committed in a topic now, partition by partition."""
        return asyncio.run(self._read(topic, name))

    async def _read(self, topic: str, name: str) -> list[ConsumerRecord]:
        consumer = AIOKafkaConsumer(
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=8 << 20,
            fetch_max_wait_ms=20,  # else the end of each partition costs half a second
            **self.client(name),
        )
        await consumer.start()
        try:
            count = len(await _topic_partitions(consumer, topic))
            tps = [TopicPartition(topic, partition) for partition in range(count)]
            consumer.assign(tps)
            found: list[ConsumerRecord] = []
            for tp, end in (await consumer.end_offsets(tps)).items():
                consumer.assign([tp])
                consumer.seek(tp, (await consumer.beginning_offsets([tp]))[tp])
                while await consumer.position(tp) < end:
                    for records in (await consumer.getmany(tp, timeout_ms=200)).values():
                        found += records
            return found
        finally:
            await consumer.stop()

    def events(self, type_: str | None = None) -> list[dict[str, Any]]:
        """Audit events, by type."""
        events = [json.loads(record.value or b"") for record in self.read("panlock.audit")]
        return [event for event in events if type_ in (None, event["type"])]

    def wait_events(self, count: int, type_: str | None = None, patience: float = PATIENCE) -> list[dict[str, Any]]:
        """At least so many events of the type."""

        def enough() -> list[dict[str, Any]] | None:
            events = self.events(type_)
            return events if len(events) >= count else None

        return until(f"{count} events of type {type_}", enough, patience)


async def _topic_partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client.set_topics([topic])
    return consumer.partitions_for_topic(topic) or set()
