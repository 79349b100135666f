"""A child process that cannot outlive this one, however this one ends: a guard stands between them (guard.py)."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.dev import guard

STOP_LIMIT = guard.GRACE + 10  # seconds


class Guarded:
    """Runs `command` in a session of its own; all it says is appended to `log`. `pid` is the command's own."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        with log.open("ab") as output:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", guard.__file__, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env=environment,
                cwd=directory,
                start_new_session=True,
            )
        assert self._guard.stdout is not None  # noqa: S101 - a pipe was asked for
        self.pid = int(self._guard.stdout.readline() or 0)
        self._guard.stdout.close()

    @property
    def code(self) -> int | None:
        """Exit code, 128 + n for a signal; None while it runs."""
        return self._guard.poll()

    def release(self) -> None:
        """SIGTERM, without waiting."""
        if self._guard.stdin is not None:
            self._guard.stdin.close()

    def stop(self) -> int:
        """SIGTERM, later SIGKILL; returns the exit code."""
        self.release()
        return self.wait()

    def kill(self) -> int:
        """kill -9, and wait until it is gone."""
        if self.code is None and self.pid:
            os.kill(self.pid, signal.SIGKILL)
        return self.wait()

    def wait(self, limit: float = STOP_LIMIT) -> int:
        """Exit code; what still runs after `limit` seconds is killed."""
        try:
            code = self._guard.wait(limit)
        except subprocess.TimeoutExpired:
            self._guard.kill()  # takes the command with it
            code = self._guard.wait()
        self.release()
        return code
