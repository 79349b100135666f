"""A witness for development (C2SP tlog-witness): it cosigns what goes on from what it cosigned, and nothing else.

Its memory is a file a log, written and synced before it answers. Not for production: it is run by whoever it should
watch, and its key lies beside its memory.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from deploy.dev.served import served
from pipeline.audit.add_checkpoint import LARGEST, PATH, SIZE_TYPE, AddCheckpoint, AddCheckpointError
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.cosignature import Witness, cosign
from pipeline.audit.merkle import EMPTY_ROOT, ProofError, roots_from
from pipeline.audit.note import NoteError, Verifier, open_note

_EMPTY = 0, EMPTY_ROOT


class Reply(NamedTuple):
    status: int
    type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class DevWitness:
    """`vkey`: for a policy's audit.witnesses; `url`: its submission prefix."""

    name: str
    vkey: str
    url: str


@contextmanager
def dev_witness(directory: Path, name: str, logs: Sequence[Verifier], port: int | None = None) -> Iterator[DevWitness]:
    """Serve while the context lasts; `logs`: whose checkpoints it cosigns, of any origin. Raises ServerError."""
    vkey = str(Witness(name, _key(directory).public_key()))
    words = [str(directory), name, *map(str, logs)]
    with served("deploy.dev.witness", words, directory / "witness.log", port) as number:
        yield DevWitness(name, vkey, f"http://127.0.0.1:{number}")


def witness_vkey(directory: Path, name: str) -> str:
    """Before it serves: a policy names it first."""
    return str(Witness(name, _key(directory).public_key()))


class Cosigner:
    """What it answers. `directory` keeps its key and, of each log, the last checkpoint that it cosigned."""

    def __init__(self, directory: Path, name: str, logs: Sequence[Verifier]) -> None:
        self.directory, self.name, self.logs = directory, name, logs
        self._key = _key(directory)
        self._one_at_a_time = threading.Lock()

    def add(self, body: bytes, now: int) -> Reply:
        """`now`: seconds since 1970."""
        try:
            request = AddCheckpoint.parse(body)
            text = open_note(request.note, self.logs)
            checkpoint = Checkpoint.parse(text)
        except AddCheckpointError as error:
            return _plain(400, str(error))
        except NoteError as error:
            return _plain(403, str(error))
        if request.old > checkpoint.size:
            return _plain(400, "the old size is larger than the checkpoint's")
        with self._one_at_a_time:
            return self._weigh(request, checkpoint, text, now)

    def _weigh(self, request: AddCheckpoint, checkpoint: Checkpoint, text: str, now: int) -> Reply:
        size, root = self._known(checkpoint.origin)
        if request.old != size or (size == checkpoint.size and root != checkpoint.root):
            return Reply(409, SIZE_TYPE, f"{size}\n".encode())
        if not _goes_on(size, root, checkpoint, request.proof):
            return _plain(422, f"it does not go on from the {size} events that were cosigned")
        self._keep(checkpoint)
        return Reply(200, "text/plain", cosign(text, self.name, self._key, now).encode())

    def _place(self, origin: str) -> Path:
        return self.directory / "logs" / sha256(origin.encode()).hexdigest()

    def _known(self, origin: str) -> tuple[int, bytes]:
        try:
            checkpoint = Checkpoint.parse(self._place(origin).read_text())
        except FileNotFoundError:
            return _EMPTY
        return checkpoint.size, checkpoint.root

    def _keep(self, checkpoint: Checkpoint) -> None:
        """On the disk before anybody hears of it: what it forgets, it could be made to contradict."""
        place = self._place(checkpoint.origin)
        place.parent.mkdir(exist_ok=True)
        draft = place.with_suffix(".new")
        with draft.open("w") as file:
            file.write(checkpoint.text())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(place)
        directory = os.open(place.parent, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)


def _goes_on(size: int, root: bytes, new: Checkpoint, proof: Sequence[bytes]) -> bool:
    if not size:
        return not proof and (new.size > 0 or new.root == EMPTY_ROOT)
    try:
        return roots_from(size, new.size, root, proof) == (root, new.root)
    except ProofError:
        return False


def _plain(status: int, text: str) -> Reply:
    return Reply(status, "text/plain", f"{text}\n".encode())


def _key(directory: Path) -> Ed25519PrivateKey:
    """Made on first use."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = directory / "witness.key"
    if not place.exists():
        place.touch(mode=0o600)
        raw = Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
        place.write_bytes(raw)
    return Ed25519PrivateKey.from_private_bytes(place.read_bytes())


class _Server(ThreadingHTTPServer):
    def __init__(self, port: int, cosigner: Cosigner) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.cosigner = cosigner


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if self.path != f"/{PATH}" or not 0 < length <= LARGEST:
            self.send_error(404, f"POST a checkpoint to /{PATH}")
            return
        reply = self.server.cosigner.add(self.rfile.read(length), int(time.time()))
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)


if __name__ == "__main__":
    _Server(
        int(sys.argv[1]), Cosigner(Path(sys.argv[2]), sys.argv[3], list(map(Verifier.parse, sys.argv[4:])))
    ).serve_forever()
