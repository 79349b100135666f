"""A real Kafka on this machine for the demo, the tests and `panlock dev`: mTLS, ACLs, deny by default.

Everything lies below one directory; ports are free ones on 127.0.0.1. The brokers end with the process that holds the
context manager, however it ends.
"""

import base64
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.admin import connect
from deploy.dev import readiness, settings
from deploy.dev.broker import Broker, BrokerError, PortTakenError
from deploy.dev.ca import DevelopmentCA
from deploy.dev.cache import Say
from deploy.dev.clients import Cluster
from deploy.dev.holder import ClusterError, hold
from deploy.dev.jars import class_path
from deploy.dev.java import Java, LocalJava, Process
from deploy.dev.oauth import OAuthListener
from deploy.dev.ports import free_ports
from deploy.dev.reports import AccessReports
from deploy.dev.settings import Node

PORT_TRIES = 5
START_LIMIT = 90.0  # seconds


class DevCluster(Cluster):
    """A running cluster. Brokers are counted from 0. `oauth_bootstrap`: of that listener, if it has one; `proxied`: the
    ports of the listener that is advertised as somebody else's."""

    def __init__(self, directory: Path, brokers: list[Broker], ca: DevelopmentCA) -> None:
        super().__init__(",".join(f"127.0.0.1:{broker.node.client}" for broker in brokers), ca.certificate, ca.issue)
        self.directory = directory
        self.oauth_bootstrap = ",".join(f"127.0.0.1:{b.node.oauth}" for b in brokers if b.node.oauth is not None)
        self.proxied = [broker.node.proxied[0] for broker in brokers if broker.node.proxied is not None]
        self._brokers = brokers

    def restart_broker(self, broker: int) -> None:
        """Stop it in order (or not at all, if it was killed), start it, return when the cluster is whole."""
        self._brokers[broker].stop()
        self.start_broker(broker)

    def kill_broker(self, broker: int) -> None:
        """kill -9; it stays down until started."""
        self._brokers[broker].kill()

    def start_broker(self, broker: int) -> None:
        """Start a broker that is down; return when the cluster is whole."""
        self._brokers[broker].start()
        self._wait()

    def pid(self, broker: int) -> int:
        """Process id of the broker itself."""
        return self._brokers[broker].pid

    def check(self) -> None:
        """Raises BrokerError if a broker has ended by itself."""
        for broker in self._brokers:
            broker.check()

    def _wait(self) -> None:
        """Raises BrokerError when a broker ends or the cluster is not whole in time."""
        deadline = time.monotonic() + START_LIMIT
        client = None
        while time.monotonic() < deadline:
            self.check()
            if all(readiness.listens(broker.node.client) for broker in self._brokers):
                client = client or connect(self.config(settings.SUPER_USER))
                if readiness.whole(client, len(self._brokers)):
                    return
            time.sleep(0.05)
        logs = ", ".join(str(broker.log) for broker in self._brokers)
        raise BrokerError(f"the cluster is not ready after {START_LIMIT:.0f} s: see {logs}")

    def _start(self) -> None:
        for broker in self._brokers:
            broker.start()
        self._wait()

    def _stop(self) -> None:
        for broker in self._brokers:
            broker.release()
        for broker in self._brokers:
            broker.stop()


@contextmanager
def dev_cluster(
    directory: Path,
    brokers: int = 1,
    say: Say | None = None,
    oauth: OAuthListener | None = None,
    reports: AccessReports | None = None,
    java: Java | None = None,
    proxies: Sequence[int] = (),
) -> Iterator[DevCluster]:
    """Start a cluster of 1 or 3 brokers below `directory` and stop it at the end; data there is used again.

    `java`: where the brokers run; as processes of this one, unless something else is named. `proxies`: a port on
    127.0.0.1 for each broker, by which clients of one more listener are told to find it.
    Raises ClusterError (directory in use, or of another number of brokers), JarError, BrokerError.
    """
    say = say or (lambda text: None)
    if brokers not in (1, 3):
        raise ClusterError(f"a development cluster has 1 or 3 brokers, not {brokers}")
    directory = directory.resolve()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with hold(directory):
        cluster = _started(directory, brokers, java or LocalJava(class_path(say)), say, oauth, reports, proxies)
        try:
            yield cluster
        finally:
            cluster._stop()


def _started(
    directory: Path,
    count: int,
    java: Java,
    say: Say,
    oauth: OAuthListener | None,
    reports: AccessReports | None,
    proxies: Sequence[int],
) -> DevCluster:
    ca = DevelopmentCA(directory / "ca")
    for attempt in range(PORT_TRIES):
        ports = iter(free_ports(4 * count))
        nodes = [
            Node(
                n + 1,
                next(ports),
                next(ports),
                next(ports) if oauth else None,
                proxied=(next(ports), proxies[n]) if proxies else None,
            )
            for n in range(count)
        ]
        made = [Broker(n, directory / settings.name(n), java, oauth, reports) for n in nodes]
        cluster = DevCluster(directory, made, ca)
        say(f"starting Kafka: {count} broker{'s' * (count > 1)} on {cluster.bootstrap}, in {directory}")
        try:
            _format(cluster._brokers, nodes, ca, directory)
            cluster._start()
            return cluster
        except PortTakenError:
            cluster._stop()
            if attempt == PORT_TRIES - 1:
                raise
        except BaseException:
            cluster._stop()
            raise
    raise AssertionError("unreachable: the last attempt returns or raises")


def _format(brokers: list[Broker], nodes: list[Node], ca: DevelopmentCA, directory: Path) -> None:
    known = directory / "cluster-id"
    made = len(list(directory.glob(settings.name_pattern())))
    if known.exists() and made != len(nodes):
        raise ClusterError(f"{directory} was made for {made} broker(s): remove it or choose another directory")
    for broker in brokers:
        broker.configure(nodes, ca)
    if known.exists():
        return
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    if cluster_id.startswith("-"):
        cluster_id = "A" + cluster_id[1:]  # StorageTool would take it for an option
    running: list[Process] = []
    try:
        for broker in brokers:
            running.append(broker.format(cluster_id))
        codes = [process.wait(START_LIMIT) for process in running]
    finally:
        for process in running:
            process.kill()
    if any(codes):
        raise BrokerError(f"Kafka's data directory could not be formatted: see {brokers[codes.index(max(codes))].log}")
    known.write_text(cluster_id)
