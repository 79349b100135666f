"""A process that holds one session in its memory and signs under it, as ssh-agent does; it ends with the session.

The private key is made here and never leaves: whoever may connect can have something signed, and no more. The socket
lies in a directory of its owner alone. One JSON object and one answer a connection, each ended by a line feed:

    {"op":"key"}                        {"jwk":{...}}
    {"op":"keep","id_token":"...","who":{...}}    {}
    {"op":"who"}                        {"who":{...}|null}
    {"op":"seal","payload":{...}}       {"message":"<JWS>"}
    {"op":"end"}                        {}
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import socket
import struct
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

from cli.session.held import Who
from pipeline.approval.envelope import SessionKey
from pipeline.approval.keys import public_jwk

UNUSED = 600.0  # seconds that an agent waits for its sign-in to end
LARGEST = 128 << 10  # bytes of a request
PATIENCE = 5.0  # seconds that a connection may take
_PR_SET_DUMPABLE = 4


class Agent:
    """`answer` is one request's."""

    def __init__(self) -> None:
        self._key = OKPKey.import_key(Ed25519PrivateKey.generate())
        self._session: SessionKey | None = None
        self._who: Who | None = None
        self.ends = time.time() + UNUSED

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        match request.get("op"):
            case "key":
                return {"jwk": public_jwk(self._key)}
            case "keep":
                self._who = Who(**{**request["who"], "groups": tuple(request["who"]["groups"])})
                self._session, self.ends = SessionKey(self._key, str(request["id_token"])), float(self._who.until)
                return {}
            case "who":
                return {"who": None if self._who is None else asdict(self._who)}
            case "seal" if self._session is not None:
                return {"message": self._session.seal(request["payload"]).decode()}
            case "end":
                self.ends = 0.0
                return {}
        return {"error": "no session, or no such request"}


def serve(path: Path) -> None:
    """Until the session is over or ended."""
    _close_to_others()
    agent = Agent()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        path.unlink(missing_ok=True)
        listening.bind(str(path))
        path.chmod(0o600)
        listening.listen(8)
        print("ready", flush=True)
        _detach()
        try:
            while (left := agent.ends - time.time()) > 0:
                if select.select([listening], [], [], min(left, 1.0))[0]:
                    connection, _ = listening.accept()
                    with connection, contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                        _converse(connection, agent)
        finally:
            path.unlink(missing_ok=True)


def _converse(connection: socket.socket, agent: Agent) -> None:
    connection.settimeout(PATIENCE)
    if _peer(connection) != os.getuid():
        return
    request = json.loads(read_line(connection))
    connection.sendall(json.dumps(agent.answer(request)).encode() + b"\n")


def read_line(connection: socket.socket) -> bytes:
    """Raises OSError, ValueError."""
    line = bytearray()
    while not line.endswith(b"\n"):
        piece = connection.recv(1 << 16)
        line += piece
        if not piece or len(line) > LARGEST:
            raise ValueError("not a line")
    return bytes(line)


def _peer(connection: socket.socket) -> int:
    """The user at the other end; elsewhere than on Linux, the directory's mode alone keeps others out."""
    if not hasattr(socket, "SO_PEERCRED"):
        return os.getuid()
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[1])


def _close_to_others() -> None:
    """No core dump, and no other process of the same user reads this one's memory (Linux)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0)


def _detach() -> None:
    """Whoever started it may end, and its terminal close."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
