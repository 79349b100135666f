"""One development broker: a Java process under a guard, its directory and its log."""

from pathlib import Path

from deploy.dev import configured
from deploy.dev.ca import DevelopmentCA
from deploy.dev.configured import configure
from deploy.dev.java import Java, Process
from deploy.dev.oauth import OAuthListener
from deploy.dev.reports import AccessReports
from deploy.dev.settings import Node
from pipeline.errors import PanlockError

_JVM = ["-Xms256m", "-Xmx512m", "-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData"]
_LOG_TAIL = 20  # lines of the broker's log in an error message


class BrokerError(PanlockError):
    """A development broker did not do what it was told; its log says why."""


class PortTakenError(BrokerError):
    """Somebody else took the port between the choice and the start."""


class Broker:
    """Starts, stops and kills one broker. Not for use by several threads at once."""

    def __init__(
        self,
        node: Node,
        directory: Path,
        java: Java,
        oauth: OAuthListener | None,
        reports: AccessReports | None,
    ) -> None:
        self.node, self.directory, self._oauth, self._reports = node, directory, oauth, reports
        self._java = java
        self.log, self._config = directory / "broker.log", directory / configured.PROPERTIES
        self._logging = directory / configured.LOGGING
        self._jvm = [*_JVM, *(oauth.jvm if oauth else ())]
        self._plugins = [each.plugin for each in (oauth, reports) if each is not None]
        self._files: list[Path] = []
        self._process: Process | None = None
        self._logged = 0

    def configure(self, nodes: list[Node], ca: DevelopmentCA) -> None:
        """Write certificate, properties and logging."""
        configure(self.node, nodes, self.directory, ca, self._oauth, self._reports)
        self._files = [ca.certificate, *([self._oauth.ca] if self._oauth else ())]
        self._files += self._reports.files(ca) if self._reports else []

    def format(self, cluster_id: str) -> Process:
        """Format the data directory unless it is; several brokers do it at once, so the caller waits."""
        tool = ["-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format", "--ignore-formatted"]
        return self._run([*tool, "-t", cluster_id, "-c", str(self._config)])

    def start(self) -> None:
        """Start the process; whether it serves is to be asked of it."""
        self._logged = self.log.stat().st_size if self.log.exists() else 0
        self._process = self._run([*self._jvm, "kafka.Kafka", str(self._config)])

    @property
    def pid(self) -> int:
        """Of the broker itself; 0 while it is down."""
        return self._process.pid if self._process else 0

    def check(self) -> None:
        """Raises PortTakenError or BrokerError if the process has ended."""
        if self._process is None or self._process.code is None:
            return
        with self.log.open(errors="replace") as log:
            log.seek(self._logged)
            said = log.read()
        if "Address already in use" in said:
            raise PortTakenError(f"broker {self.node.id}: port {self.node.client} or {self.node.controller} is taken")
        tail = "\n".join(said.splitlines()[-_LOG_TAIL:])
        raise BrokerError(f"broker {self.node.id} ended with code {self._process.code}; {self.log} ends:\n{tail}")

    def release(self) -> None:
        """Tell it to end in order, without waiting."""
        if self._process is not None:
            self._process.release()

    def stop(self) -> None:
        """End it in order and wait."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def _run(self, words: list[str]) -> Process:
        options = [f"-Dlog4j2.configurationFile={self._logging}", *words]
        return self._java.start(options, self._plugins, self._files, self.log)
