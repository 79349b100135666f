"""A session in an agent's memory (cli.session.agent), from the command's side."""

import hashlib
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cli.session.agent import PATIENCE, read_line
from cli.session.held import SessionError, Who

START_LIMIT = 30.0  # seconds


class InAgent:
    """`name`: of the issuer and client; one agent each."""

    place = "in the memory of an agent process"

    def __init__(self, name: str) -> None:
        self._path = _directory() / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.sock"

    def start(self) -> "InAgent":
        """A new agent with a new key; the former one ends. Raises SessionError."""
        self.forget()
        with subprocess.Popen(
            [sys.executable, "-m", "cli.session.agent", str(self._path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        ) as process:
            assert process.stdout is not None  # noqa: S101  # a pipe was asked for
            ready = process.stdout.readline() if select.select([process.stdout], [], [], START_LIMIT)[0] else b""
            process.stdout.close()
            process.returncode = 0  # it lives on: nobody waits for it
        if ready != b"ready\n":
            raise SessionError(f"the agent did not start at {self._path}: check that the directory is yours")
        return self

    def public_jwk(self) -> dict[str, str]:
        return dict(self._ask({"op": "key"})["jwk"])

    def keep(self, id_token: str, who: Who) -> None:
        self._ask({"op": "keep", "id_token": id_token, "who": asdict(who)})

    def who(self) -> Who | None:
        try:
            found = self._ask({"op": "who"})["who"]
        except SessionError:
            return None
        return None if found is None else Who(**{**found, "groups": tuple(found["groups"])})

    def seal(self, payload: dict[str, object]) -> bytes:
        return str(self._ask({"op": "seal", "payload": payload})["message"]).encode()

    def forget(self) -> bool:
        try:
            self._ask({"op": "end"})
        except SessionError:
            return False
        return True

    def _ask(self, request: dict[str, object]) -> dict[str, Any]:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(PATIENCE)
                connection.connect(str(self._path))
                connection.sendall(json.dumps(request).encode() + b"\n")
                answer: dict[str, Any] = json.loads(read_line(connection))
        except (OSError, ValueError) as error:
            raise SessionError("you are not signed in, or the session is over: `panlock login`") from error
        if "error" in answer:
            raise SessionError(f"the agent refuses ({answer['error']}): `panlock login`")
        return answer


def _directory() -> Path:
    """Of this user alone. Raises SessionError."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    directory = Path(base) / "panlock" if base else Path(tempfile.gettempdir()) / f"panlock-{os.getuid()}"
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
    except OSError as error:
        raise SessionError(f"{directory}: {error.strerror}: set XDG_RUNTIME_DIR to a directory of yours") from error
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or directory.is_symlink():
        raise SessionError(f"{directory} is not yours alone: remove it, or set XDG_RUNTIME_DIR to a directory that is")
    return directory
