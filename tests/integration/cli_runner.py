"""Runs `panlock` as a person does: another process, a configuration file, no terminal."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deploy.dev.cluster import DevCluster

LIMIT = 60.0  # seconds


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.out, f"nothing on stdout, exit code {self.code}: {self.err}"
        return json.loads(self.out)


@dataclass(frozen=True)
class Cli:
    """`panlock` under the certificate CN=`name`, with more in its configuration and environment as given."""

    cluster: DevCluster
    directory: Path
    name: str
    config: dict[str, Any]
    environment: dict[str, str]

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Ended:
        file = self.directory / f"{self.name}.yaml"
        file.write_text(yaml.safe_dump({"kafka": self.cluster.config(self.name), **self.config}))
        return run(*arguments, stdin=stdin, environment={"PANLOCK_CONFIG": str(file), **self.environment})


def run(*arguments: str, stdin: bytes = b"", environment: dict[str, str] | None = None) -> Ended:
    ended = subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        input=stdin,
        capture_output=True,
        timeout=LIMIT,
        env={**os.environ, **(environment or {})},
        check=False,
    )
    told = Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())
    assert "Traceback" not in told.err, told.err
    return told
