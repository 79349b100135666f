"""`python -m deploy.compose.demo`, or `make compose-demo`: the demo's story on the compose file's three brokers.

Panlock's processes are containers of the image, which share this machine's network; brokers are reached at the ports
that compose publishes. PANLOCK_COMPOSE is the command (`docker compose`).
"""

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.admin import connect
from deploy.compose.prepare import PUBLISHED, brokers
from deploy.demo.__main__ import main
from deploy.demo.place import Say
from deploy.dev import readiness
from deploy.dev.clients import Cluster
from deploy.dev.guarded import Guarded
from deploy.dev.java import Process
from deploy.dev.ports import free_ports
from deploy.dev.reports import AccessReports
from deploy.dev.settings import SUPER_USER
from pipeline.errors import PanlockError

FILE = Path(__file__).with_name("compose.yaml")
IMAGE = os.environ.get("PANLOCK_IMAGE", "panlock:dev")
START_LIMIT = 300.0  # seconds
USER = f"{os.getuid()}:{os.getgid()}"


class ComposeError(PanlockError):
    """Docker did not do what it was told; its own words are above."""


class Compose:
    """A place for the demo, in the directory `kafka` is given: containers see it under the same path."""

    @contextmanager
    def kafka(self, directory: Path, say: Say, reports: AccessReports | None) -> Iterator[Cluster]:
        """Raises ComposeError."""
        ports = free_ports(len(PUBLISHED))
        self._root = directory.parent
        ca = brokers(directory, ports, reports)
        if reports is not None:
            (directory / "plugins").mkdir()
            shutil.copy(reports.plugin, directory / "plugins")
        cluster = Cluster(",".join(f"127.0.0.1:{port}" for port in ports), ca.certificate, ca.issue)
        environment = {
            "PANLOCK_PROJECT": f"panlock-{self._root.name.lower()}",
            "PANLOCK_DIR": str(self._root),
            "PANLOCK_AT": str(self._root),
            "PANLOCK_USER": USER,
            **{f"PANLOCK_PORT_{number}": str(port) for number, port in enumerate(ports, 1)},
        }
        say(f"docker compose: kafka-1, kafka-2 and kafka-3, on {cluster.bootstrap}")
        try:
            _compose(environment, "up", "--detach", "--no-deps", *(f"kafka-{n}" for n, _ in enumerate(ports, 1)))
            _wait(cluster, len(ports))
            yield cluster
        finally:
            _compose(environment, "down", "--volumes")

    def panlock(self, words: list[str], log: Path) -> Process:
        return Contained(words, log, self._root)


class Contained(Guarded):
    """A container of the image; the docker command before it passes signals on and ends with its exit code."""

    def __init__(self, words: list[str], log: Path, directory: Path) -> None:
        self._name = f"panlock-{directory.name.lower()}-{log.stem}"
        run = ["docker", "run", "--rm", "--init", "--name", self._name, "--network", "host", "--user", USER]
        safe = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--no-healthcheck"]
        super().__init__([*run, *safe, "--volume", f"{directory}:{directory}", IMAGE, *words], log)

    def kill(self) -> int:
        """kill -9 of the container; the command before it could not pass that on."""
        if self.code is None:
            subprocess.run(["docker", "kill", self._name], capture_output=True, check=False)
        return self.wait()


def _compose(environment: dict[str, str], *words: str) -> None:
    command = [*shlex.split(os.environ.get("PANLOCK_COMPOSE", "docker compose")), "--file", str(FILE), *words]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ComposeError(f"`{shlex.join(command)}` ended with code {done.returncode}: {done.stderr.strip()[-2000:]}")


def _wait(cluster: Cluster, count: int) -> None:
    deadline = time.monotonic() + START_LIMIT
    client = connect(cluster.config(SUPER_USER))
    while not readiness.whole(client, count):
        if time.monotonic() > deadline:
            raise ComposeError(f"the brokers are not ready after {START_LIMIT:.0f} s: see docker compose logs")
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main(Compose()))
