"""Brokers in containers, through testcontainers: the same files, ports and certificates as those of this machine.

The containers share the host's network, so that a listener on 127.0.0.1 is the one that clients reach, and see the
brokers' directories under their own paths. On an engine without either (one on another machine) they do not start.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from docker.models.containers import Container
from requests.exceptions import RequestException
from testcontainers.core.container import DockerContainer

from deploy.dev.java import Process

GRACE = 25  # seconds from SIGTERM to SIGKILL
_RUN = 'exec java "$@" >>"$0" 2>&1'


class ContainerJava:
    """`image`: any with java on its PATH and Kafka's jars in /opt/kafka/libs. Runs as the user of the tests."""

    def __init__(self, image: str) -> None:
        self._image = image

    def start(self, options: Sequence[str], plugins: Sequence[Path], files: Sequence[Path], log: Path) -> Process:
        class_path = ":".join(["/opt/kafka/libs/*", *map(str, plugins)])
        made = DockerContainer(self._image).with_kwargs(
            entrypoint=["sh", "-c", _RUN, str(log)], network_mode="host", user=f"{os.getuid()}:{os.getgid()}"
        )
        for file in (*plugins, *files):
            made.with_volume_mapping(file, str(file))
        made.with_volume_mapping(log.parent, str(log.parent), "rw")
        made.with_command(["-cp", class_path, *options]).start()
        return ContainerProcess(made.get_wrapped_container())


class ContainerProcess:
    """One container, removed with its end."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._code: int | None = None
        self._removed = False

    @property
    def pid(self) -> int:
        self._container.reload()
        return int(self._container.attrs["State"]["Pid"])

    @property
    def code(self) -> int | None:
        if self._code is None:
            self._container.reload()
            state = self._container.attrs["State"]
            self._code = int(state["ExitCode"]) if state["Status"] in ("exited", "dead") else None
        return self._code

    def release(self) -> None:
        if self.code is None:
            self._container.kill("SIGTERM")

    def stop(self) -> int:
        if self.code is None:
            self._container.stop(timeout=GRACE)
        return self._gone()

    def kill(self) -> int:
        if self.code is None:
            self._container.kill()
        return self._gone()

    def wait(self, limit: float) -> int:
        try:
            if self.code is None:
                self._container.wait(timeout=limit)
        except RequestException:  # it runs still
            self._container.kill()
        return self._gone()

    def _gone(self) -> int:
        if not self._removed:
            self._code = int(self._container.wait()["StatusCode"])
            self._container.remove(v=True)
            self._removed = True
        assert self._code is not None
        return self._code
