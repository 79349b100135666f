"""A time stamp authority for development (RFC 3161): `openssl ts`, behind HTTP. Its clock is this machine's.

Not for production: whoever reads its directory can stamp anything, and nobody watches its clock.
"""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from deploy.dev.served import served
from pipeline.audit.timestamp import ANSWER_TYPE, LARGEST, REQUEST_TYPE
from pipeline.errors import PanlockError

DAYS = "30"
_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
_CONFIG = """\
[tsa]
serial = serial
signer_digest = sha256
default_policy = 1.3.6.1.4.1.57264.2
digests = sha256, sha384, sha512
tsa_name = yes
ess_cert_id_alg = sha256
[leaf]
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
"""


class OpensslError(PanlockError):
    """The openssl command is not there, or cannot do it."""


@dataclass(frozen=True, slots=True)
class DevTsa:
    """`url`: where it answers; `certificate`: PEM of its CA, for a policy's audit.timestamp_authorities."""

    url: str
    certificate: Path


@contextmanager
def dev_tsa(directory: Path, port: int | None = None) -> Iterator[DevTsa]:
    """Serve while the context lasts; its CA is made once a directory. Raises OpensslError, ServerError."""
    make_authority(directory)
    with served("deploy.dev.tsa", [str(directory)], directory / "tsa.log", port) as number:
        yield DevTsa(f"http://127.0.0.1:{number}", directory / "ca.pem")


def make_authority(directory: Path) -> None:
    """Raises OpensslError."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if (directory / "tsa.pem").exists():
        return
    (directory / "tsa.cnf").write_text(_CONFIG)
    (directory / "serial").write_text("01\n")
    subject = "-subj /CN=panlock-development-tsa"
    _openssl(directory, f"req -x509 {_KEY} -keyout ca.key -out ca.pem -days {DAYS} {subject}-ca")
    _openssl(directory, f"req {_KEY} -keyout tsa.key -out tsa.csr {subject}")
    signed = "-in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile tsa.cnf -extensions leaf"
    _openssl(directory, f"x509 -req {signed} -out tsa.pem -days {DAYS}")


def answer(directory: Path, query: bytes) -> bytes:
    """TimeStampResp, DER; one that refuses, where the query is none. Raises OpensslError."""
    (directory / "query.tsq").write_bytes(query)
    words = "ts -reply -config tsa.cnf -section tsa -queryfile query.tsq -signer tsa.pem -inkey tsa.key -out reply.tsr"
    _openssl(directory, words)
    return (directory / "reply.tsr").read_bytes()


def _openssl(directory: Path, words: str) -> None:
    try:
        done = subprocess.run(["openssl", *words.split()], cwd=directory, capture_output=True, check=False)
    except FileNotFoundError:
        raise OpensslError("there is no openssl command: install the package openssl") from None
    if done.returncode:
        raise OpensslError(f"openssl {words.split()[0]}: {done.stderr.decode(errors='replace').strip()}")


class _Server(ThreadingHTTPServer):
    def __init__(self, port: int, directory: Path) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.directory, self.one_at_a_time = directory, threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if self.headers.get_content_type() != REQUEST_TYPE or not 0 < length <= LARGEST:
            self.send_error(400, f"POST a {REQUEST_TYPE}")
            return
        with self.server.one_at_a_time:
            body = answer(self.server.directory, self.rfile.read(length))
        self.send_response(200)
        self.send_header("Content-Type", ANSWER_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    _Server(int(sys.argv[1]), Path(sys.argv[2])).serve_forever()
