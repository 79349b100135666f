"""Vault for tests: the real server where a `vault` or `bao` is on the PATH, and a stand-in that is always there.

The stand-in speaks what the documentation of Transit and of four auth methods says, over TLS, under a derived key:
it shows what Panlock sends and how it takes what comes. That Vault itself is so, only the real one shows.
"""

import json
import os
import secrets
import shutil
import ssl
import subprocess
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import hvac
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from deploy.dev.ca import DevelopmentCA
from deploy.dev.ports import free_ports

JWT = "service.account.token"
POLICY = 'path "transit/*" { capabilities = ["create", "update", "delete"] }'


@dataclass(frozen=True)
class Server:
    """`secret` and `token` are what must be in no message."""

    address: str
    ca: Path
    token: str
    role_id: str
    secret: str
    client: tuple[Path, Path]  # certificate and key that its cert method takes

    def settings(self, directory: Path, method: str = "approle", **more: Any) -> dict[str, Any]:
        """`key_services.vault` as a configuration has it."""
        auth: dict[str, Any] = {
            "token_file": str(_secret(directory / "token", self.token)),
            "approle": {"role_id": self.role_id, "secret_id_file": str(_secret(directory / "secret", self.secret))},
            "kubernetes": {"role": "panlock", "token_file": str(_secret(directory / "jwt", JWT))},
            "certificate": {"certificate": str(self.client[0]), "key": str(self.client[1])},
        }
        return {"address": self.address, "key": "panlock", "ca": str(self.ca), "auth": {method: auth[method]}, **more}


def _secret(path: Path, text: str) -> Path:
    path.write_text(text + "\n")
    path.chmod(0o600)
    return path


class _Transit(BaseHTTPRequestHandler):
    server: "_StandIn"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"] or 0)) or b"{}")
        status, answer = self.server.answer(self.path, body, self.headers["X-Vault-Token"], self._certificate())
        self._send(status, answer)

    do_PUT = do_POST

    def do_DELETE(self) -> None:
        status, answer = self.server.delete(self.path, self.headers["X-Vault-Token"])
        self._send(status, answer)

    def _certificate(self) -> bool:
        assert isinstance(self.connection, ssl.SSLSocket)
        return bool(self.connection.getpeercert())

    def _send(self, status: int, answer: dict[str, Any]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


class _StandIn(ThreadingHTTPServer):
    def __init__(self, ca: DevelopmentCA, derived: bool) -> None:
        self.derived = derived
        super().__init__(("127.0.0.1", 0), _Transit)
        leaf, client = ca.issue("vault", host=True), ca.issue("panlock-keys")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(ca.certificate))
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_cert_chain(leaf.certificate, leaf.key)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.keys = {"panlock": AESGCM(os.urandom(32))}
        self.deletable: set[str] = set()
        address = f"https://127.0.0.1:{self.server_address[1]}"
        token, secret = f"hvs.{secrets.token_hex(12)}", secrets.token_hex(16)
        self.told = Server(address, ca.certificate, token, "role", secret, (client.certificate, client.key))

    def answer(self, path: str, body: dict[str, Any], token: str | None, certified: bool) -> tuple[int, dict[str, Any]]:
        match path.split("/")[2:]:
            case ["auth", "approle", "login"]:
                return self._login(body.get("role_id") == "role" and body.get("secret_id") == self.told.secret)
            case ["auth", "kubernetes", "login"]:
                return self._login(body.get("role") == "panlock" and body.get("jwt") == JWT)
            case ["auth", "cert", "login"]:
                return self._login(certified)
            case _ if token != self.told.token:
                return _refused(403, "permission denied")
            case ["transit", "keys", name]:
                self.keys.setdefault(name, AESGCM(os.urandom(32)))
                return 200, {"data": {"name": name}}
            case ["transit", "keys", name, "config"] if name in self.keys:
                if body.get("deletion_allowed"):
                    self.deletable.add(name)
                return 200, {"data": {"deletion_allowed": name in self.deletable}}
            case ["transit", *what, name] if name in self.keys and (body.get("context") or not self.derived):
                return self._transit(what, body, self.keys[name])
            case ["transit", *_, name] if name in self.keys:
                return _refused(400, "missing 'context' for key derivation")
        return _refused(400, "encryption key not found")

    def _login(self, known: bool) -> tuple[int, dict[str, Any]]:
        if not known:
            return _refused(400, "invalid role or secret ID")
        return 200, {"auth": {"client_token": self.told.token}}

    def delete(self, path: str, token: str | None) -> tuple[int, dict[str, Any]]:
        match path.split("/")[2:]:
            case _ if token != self.told.token:
                return _refused(403, "permission denied")
            case ["transit", "keys", name] if name in self.deletable:
                self.deletable.discard(name)
                del self.keys[name]
                return 204, {}
        return _refused(400, "deletion is not allowed for this key")

    def _transit(self, what: list[str], body: dict[str, Any], key: AESGCM) -> tuple[int, dict[str, Any]]:
        bound, nonce = b64decode(body["context"]) if self.derived else b"", os.urandom(12)
        if what == ["decrypt"]:
            raw = b64decode(body["ciphertext"].removeprefix("vault:v1:"))
            try:
                return 200, {"data": {"plaintext": key.decrypt(raw[:12], raw[12:], bound).decode()}}
            except InvalidTag:
                return _refused(400, "cipher: message authentication failed")
        plaintext = body["plaintext"] if what == ["encrypt"] else b64encode(os.urandom(32)).decode()
        ciphertext = b64encode(nonce + key.encrypt(nonce, plaintext.encode(), bound)).decode()
        data = {"ciphertext": f"vault:v1:{ciphertext}"}
        return 200, {"data": data if what == ["encrypt"] else {**data, "plaintext": plaintext}}


def _refused(status: int, why: str) -> tuple[int, dict[str, Any]]:
    return status, {"errors": [why]}


@contextmanager
def stand_in(directory: Path, derived: bool = True) -> Iterator[Server]:
    """`derived`: what its Transit key is."""
    server = _StandIn(DevelopmentCA(directory), derived)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def real_binary() -> str | None:
    return shutil.which("vault") or shutil.which("bao")


@contextmanager
def real(binary: str, directory: Path) -> Iterator[Server]:
    """A development server of its own, in memory, with TLS."""
    (port,) = free_ports(1)
    token, directory = f"root{secrets.token_hex(8)}", directory.resolve()
    words = ["server", "-dev", "-dev-tls", f"-dev-tls-cert-dir={directory}", "-dev-no-store-token"]
    words += [f"-dev-listen-address=127.0.0.1:{port}", f"-dev-root-token-id={token}"]
    with (directory / "vault.log").open("wb") as log:
        process = subprocess.Popen([binary, *words], stdout=log, stderr=log, cwd=directory)
    try:
        yield _furnished(f"https://127.0.0.1:{port}", directory, token)
    finally:
        process.terminate()
        process.wait(20)


def _furnished(address: str, directory: Path, token: str) -> Server:
    ca, end = directory / "vault-ca.pem", time.monotonic() + 60
    while True:  # until it serves
        try:
            client = hvac.Client(url=address, token=token, verify=str(ca))
            if client.sys.is_initialized() and not client.sys.is_sealed():
                break
        except (OSError, hvac.exceptions.VaultError):
            pass
        assert time.monotonic() < end, (directory / "vault.log").read_text()[-3000:]
        time.sleep(0.1)
    client.sys.enable_secrets_engine("transit")
    client.secrets.transit.create_key("panlock", derived=True)
    client.sys.create_or_update_policy("panlock", POLICY)
    client.sys.enable_auth_method("approle")
    client.auth.approle.create_or_update_approle("panlock", token_policies=["panlock"])
    role = client.auth.approle.read_role_id("panlock")["data"]["role_id"]
    secret = client.auth.approle.generate_secret_id("panlock")["data"]["secret_id"]
    people = DevelopmentCA(directory / "people")
    leaf = people.issue("panlock-keys")
    client.sys.enable_auth_method("cert")
    client.auth.cert.create_ca_certificate_role("panlock", people.certificate.read_text(), token_policies=["panlock"])
    limited = client.auth.token.create(policies=["panlock"])["auth"]["client_token"]
    return Server(address, ca, limited, role, secret, (leaf.certificate, leaf.key))
