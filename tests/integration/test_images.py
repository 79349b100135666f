"""The image of Panlock, run as a cluster would run it: not as root, on a root file system that cannot be written.

`make images` builds it; PANLOCK_IMAGE names another. Without a Docker engine, or the image, these tests skip.
"""

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml
from aiokafka import AIOKafkaConsumer, TopicPartition
from docker.errors import DockerException, ImageNotFound
from docker.models.containers import Container

from agents.restore import high_watermarks
from deploy.dev.clients import Cluster
from tests.audited import check_chain, clean_ids, released, wait_fates
from tests.deployment import Deployment, until
from tests.integration.engine_policy import CHECKOUT, CLEAN, POLICY, plain

IMAGE = os.environ.get("PANLOCK_IMAGE", "panlock:dev")
NOBODY = 65532
GRACE = 25  # seconds until docker stop kills: a worker drains within 10
CARD = b'{"number":"4111111111111111"}'


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    try:
        client = docker.from_env()
        client.images.get(IMAGE)
    except ImageNotFound:
        pytest.skip(f"there is no image {IMAGE}: `make images` builds it")
    except DockerException as error:
        pytest.skip(f"no Docker engine answers: {error}")
    yield client
    client.close()


@pytest.fixture
def panlock(cluster: Cluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, POLICY) as deployment:
        yield deployment


class Contained:
    """A worker's container; the same directory is the same store."""

    def __init__(self, engine: docker.DockerClient, panlock: Deployment, directory: Path) -> None:
        self._engine, self._panlock, self._directory = engine, panlock, directory
        self._kafka = panlock.cluster.config("panlock-worker")
        self._lay_out()
        self.container: Container = engine.containers.run(
            IMAGE,
            ["worker", "--policy", "/etc/panlock/policy.yaml", "--config", "/etc/panlock/worker.yaml", "--development"],
            detach=True,
            network_mode="host",  # where the brokers of the tests listen
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            user=None if os.getuid() == 0 else f"{os.getuid()}:{os.getgid()}",  # else it cannot read our files
            volumes={
                str(directory / "etc"): {"bind": "/etc/panlock", "mode": "ro"},
                str(directory / "store"): {"bind": "/var/lib/panlock", "mode": "rw"},
            },
            healthcheck={"test": ["CMD", "panlock-health"], "interval": 500_000_000, "start_period": 60_000_000_000},
        )

    def _lay_out(self) -> None:
        etc, store = self._directory / "etc", self._directory / "store"
        for place in (etc, store):
            place.mkdir(exist_ok=True, mode=0o700)
        files = {name: self._kafka[name] for name in ("ca", "certificate", "key")}
        files |= {"policy.yaml": str(self._panlock.policy_file), "k1.key": str(self._panlock.token_key)}
        for name, file in files.items():
            shutil.copy(file, etc / name)
        config: dict[str, Any] = {
            "kafka": {"bootstrap": self._kafka["bootstrap"], "ca": "ca", "certificate": "certificate", "key": "key"},
            "store": "/var/lib/panlock",
            "token_keys": {"k1": "/etc/panlock/k1.key"},
            "token_key": "k1",
        }
        (etc / "worker.yaml").write_text(yaml.safe_dump(config))
        if os.getuid() == 0:
            for path in (etc, store, *etc.iterdir(), *store.rglob("*")):
                os.chown(path, NOBODY, NOBODY)

    def state(self) -> dict[str, Any]:
        self.container.reload()
        found: dict[str, Any] = self.container.attrs["State"]
        assert found["Status"] == "running", self.tail()
        return found

    def wait_healthy(self) -> "Contained":
        until("a healthy container", lambda: self.state()["Health"]["Status"] == "healthy", 120.0)
        return self

    def tail(self) -> str:
        return self.container.logs(tail=30).decode(errors="replace")

    def stop(self) -> int:
        """SIGTERM, as `docker stop` sends it; returns the exit code: 137 if it had to be killed."""
        self.container.stop(timeout=GRACE)
        return int(self.container.wait()["StatusCode"])

    def end(self) -> None:
        self.container.remove(force=True, v=True)


@pytest.fixture
def start(engine: docker.DockerClient, panlock: Deployment, tmp_path: Path) -> Iterator[Any]:
    directory = tmp_path / "contained"
    directory.mkdir()
    started: list[Contained] = []

    def begin() -> Contained:
        started.append(Contained(engine, panlock, directory))
        return started[-1]

    yield begin
    for each in started:
        each.end()


def test_the_image_runs_as_nobody_and_writes_its_volume_alone(engine: docker.DockerClient, start: Any) -> None:
    assert engine.images.get(IMAGE).attrs["Config"]["User"] == f"{NOBODY}:{NOBODY}"
    worker = start().wait_healthy()
    status = Path(f"/proc/{worker.state()['Pid']}/status").read_text()
    assert {"Uid:", str(os.getuid() or NOBODY)} <= set(next(x for x in status.splitlines() if "Uid" in x).split())
    code, said = worker.container.exec_run(["python", "-c", "open('/opt/panlock/x', 'w')"])
    assert code != 0 and b"Read-only file system" in said


def test_docker_stop_ends_a_worker_between_transactions(panlock: Deployment, start: Any) -> None:
    worker = start().wait_healthy()
    written = panlock.produce(CHECKOUT, [(0, b"card", CARD), *plain(0, 500)])
    until("the first of them clean", lambda: clean_ids(panlock, CLEAN))
    assert worker.stop() == 0, worker.tail()
    assert asyncio.run(unfinished(panlock)) == []
    later = panlock.produce(CHECKOUT, plain(0, 20))
    again = start().wait_healthy()
    wait_fates(panlock, released(CHECKOUT, 0, [*written, *later]))
    assert sorted(clean_ids(panlock, CLEAN)) == sorted(f"{CHECKOUT}/0/{offset}" for offset in (*written, *later))
    assert b"4111111111111111" not in b"".join(record.value for record in panlock.read(CLEAN))
    assert again.stop() == 0
    check_chain(panlock)


async def unfinished(panlock: Deployment) -> list[TopicPartition]:
    """Partitions in which a transaction is open."""
    consumer = AIOKafkaConsumer(isolation_level="read_committed", **panlock.client("admin"))
    await consumer.start()
    try:
        topics = [name for name in panlock.admin.list_topics(timeout=30).topics if not name.startswith("__")]
        counts = {name: len(panlock.admin.list_topics(name, timeout=30).topics[name].partitions) for name in topics}
        await consumer._client.set_topics(topics)
        tps = [TopicPartition(name, number) for name, count in counts.items() for number in range(count)]
        ends, stable = await high_watermarks(consumer, tps), await consumer.end_offsets(tps)
        return [tp for tp in tps if stable[tp] < ends[tp]]
    finally:
        await consumer.stop()
