"""HashiCorp Vault's Transit engine as a key service, through hvac.

A worker needs `update` on <mount>/decrypt/<key>; who makes keys, on <mount>/datakey/plaintext/<key> and
<mount>/encrypt/<key>. Transit's key must be made with `derived=true`: only then does Vault bind each ciphertext to kind
and id; with another key it ignores the context, and what it does is refused here.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any

import hvac
import orjson
import requests
from hvac.exceptions import Forbidden, InvalidRequest, Unauthorized, VaultDown, VaultError

from agents.keys.plain import read_secret
from agents.keys.settings import VaultSettings
from pipeline.keys.service import KEY_BYTES, KeyServiceError, context

TIMEOUT = 10.0  # seconds of one request
_ANYTHING = b64encode(b"panlock").decode()
_WORDS = 200  # characters of Vault's own that a message takes


class Vault:
    """Signed in when it is made; nothing of the token or of what got it is kept elsewhere. Raises KeyServiceError."""

    def __init__(self, settings: VaultSettings) -> None:
        self._settings = settings
        auth = settings.auth
        session = requests.Session()
        session.trust_env = False  # no proxy, netrc or CA bundle that the environment brings
        session.verify = True if settings.ca is None else str(settings.ca)  # hvac prefers the session's own
        if auth.certificate is not None:
            session.cert = (str(auth.certificate.certificate), str(auth.certificate.key))
        self._client = hvac.Client(
            url=settings.address.rstrip("/"),
            token="",
            timeout=TIMEOUT,
            allow_redirects=False,  # a redirect would take the token along
            session=session,
            namespace=settings.namespace,
        )
        self._answer("sign in", self._sign_in)

    def generate(self, kind: str, id_: str) -> tuple[bytes, str]:
        self._check_derived("encrypt_data", plaintext=_ANYTHING)
        answer = self._transit("make a data key", "generate_data_key", kind, id_, key_type="plaintext", bits=256)
        return self._key(answer), str(answer["ciphertext"])

    def wrap(self, kind: str, id_: str, key: bytes) -> str:
        self._check_derived("encrypt_data", plaintext=_ANYTHING)
        return str(self._transit("encrypt", "encrypt_data", kind, id_, plaintext=b64encode(key).decode())["ciphertext"])

    def unwrap(self, kind: str, id_: str, ciphertext: str) -> bytes:
        answer = self._transit(f"decrypt {kind} key {id_}", "decrypt_data", kind, id_, ciphertext=ciphertext)
        self._check_derived("decrypt_data", ciphertext=ciphertext)
        return self._key(answer)

    def _sign_in(self) -> object:
        auth, client = self._settings.auth, self._client
        if auth.token_file is not None:
            client.token = _text("token_file", auth.token_file)
            return None
        if auth.approle is not None:
            secret = _text("approle.secret_id_file", auth.approle.secret_id_file)
            return client.auth.approle.login(auth.approle.role_id, secret, mount_point=auth.approle.mount)
        if auth.kubernetes is not None:
            token = auth.kubernetes.token_file.read_text().strip()  # readable by the pod's group, as Kubernetes has it
            return client.auth.kubernetes.login(auth.kubernetes.role, token, mount_point=auth.kubernetes.mount)
        assert auth.certificate is not None  # noqa: S101  # its validator: exactly one
        role = {"name": auth.certificate.role} if auth.certificate.role else {}
        return client.login(f"/v1/auth/{auth.certificate.mount}/login", json=role)

    def _check_derived(self, method: str, **more: str) -> None:
        """A derived key does nothing without a context."""

        def call() -> bool:
            try:
                self._call(method, **more)
            except InvalidRequest:
                return True
            return False

        if not self._answer("see what it binds", call):
            raise self._error(
                "bind a key to its id", "takes a Transit key made with derived=true: make one, and wrap anew"
            )

    def _transit(self, what: str, method: str, kind: str, id_: str, **more: object) -> Mapping[str, Any]:
        bound = b64encode(orjson.dumps(context(kind, id_), option=orjson.OPT_SORT_KEYS)).decode()
        answer: Mapping[str, Any] = self._answer(what, lambda: self._call(method, context=bound, **more)["data"])
        return answer

    def _call(self, method: str, **more: object) -> Any:
        return getattr(self._client.secrets.transit, method)(
            self._settings.key, mount_point=self._settings.mount, **more
        )

    def _key(self, answer: Mapping[str, Any]) -> bytes:
        try:
            key = b64decode(answer["plaintext"], validate=True)
        except (KeyError, TypeError, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise KeyServiceError(f"{self._place}: what it gave is no key of {KEY_BYTES} bytes: wrap it anew")
        return key

    @property
    def _place(self) -> str:
        return f"key_services.vault: {self._settings.address}, Transit key {self._settings.mount}/{self._settings.key}"

    def _answer(self, what: str, call: Callable[[], Any]) -> Any:
        """Every error as one of ours. No exception of hvac's or requests' goes on: they hold requests, tokens too."""
        try:
            return call()
        except (Forbidden, Unauthorized):
            raise self._error(what, "is denied: see the role's policies, and whether its credential is valid") from None
        except VaultDown as error:
            raise self._error(what, f"cannot be done now ({_said(error)}): unseal it") from None
        except VaultError as error:
            raise self._error(
                what, f"is refused ({_said(error)}): see that the key is there, and of this name"
            ) from None
        except requests.exceptions.SSLError:
            raise self._error(
                what, "fails: TLS does not verify: set `ca`, and the address its certificate has"
            ) from None
        except (requests.exceptions.RequestException, OSError) as error:
            raise self._error(what, f"fails ({type(error).__name__}): see address, network and files") from None
        except (KeyError, TypeError, ValueError):
            raise self._error(what, "gets an answer that is not Vault's: name the active node's address") from None

    def _error(self, what: str, why: str) -> KeyServiceError:
        return KeyServiceError(f"{self._place}: to {what} {why}")


def _text(name: str, path: Any) -> str:
    return read_secret(f"key_services.vault.auth.{name}", path).decode("ascii", "replace").strip()


def _said(error: VaultError) -> str:
    """Vault's own words, in one line."""
    words = " ".join(str(each) for each in error.errors or ["no reason given"])
    return " ".join(words.split())[:_WORDS]
