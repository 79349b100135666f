"""The `panlock` command, run as a person runs it; all that it says is kept for the search."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from deploy.demo.told import expect

LIMIT = 60.0  # seconds


class Answer(NamedTuple):
    code: int
    stdout: str
    stderr: str


class Commands:
    """`said`: every byte that a command has printed, by command."""

    def __init__(self) -> None:
        self.said: list[tuple[str, bytes]] = []

    def start(self, *words: str, environment: Mapping[str, str] | None = None) -> "subprocess.Popen[bytes]":
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PANLOCK_")}
        return subprocess.Popen(
            [sys.executable, "-m", "cli", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**inherited, **(environment or {})},
        )

    def finish(self, process: "subprocess.Popen[bytes]", *words: str) -> Answer:
        """Wait for its end. What it printed is added to `said`."""
        try:
            stdout, stderr = process.communicate(timeout=LIMIT)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        self.said.append((shown(*words), stdout + b"\n" + stderr))
        return Answer(process.returncode, stdout.decode(errors="replace"), stderr.decode(errors="replace"))

    def run(self, *words: str, code: int = 0, environment: Mapping[str, str] | None = None) -> Answer:
        """Raises NotAsToldError if it ends with another exit code."""
        answer = self.finish(self.start(*words, environment=environment), *words)
        said = (answer.stderr or answer.stdout).strip()
        expect(answer.code == code, f"`{shown(*words)}` ended with code {answer.code}, not {code}: {said}")
        return answer


def shown(*words: str) -> str:
    """The command as it is typed; files by their names alone."""
    return shlex.join(["panlock", *(Path(word).name if word.startswith("/") else word for word in words)])
