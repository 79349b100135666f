"""A session in the operating system's keyring, under the protection of the person's own login."""

import json
import time
from contextlib import suppress
from dataclasses import asdict

import keyring
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey
from keyring.backend import KeyringBackend
from keyring.errors import KeyringError

from cli.session.held import SessionError, Who
from pipeline.approval.envelope import SessionKey
from pipeline.approval.keys import public_jwk

SERVICE = "panlock session"
# Backends that keep secrets in the operating system; others write files, some of them plain
_SYSTEMS = ("SecretService", "libsecret", "kwallet", "macOS", "Windows")


def system_keyring() -> KeyringBackend | None:
    """The operating system's, if one is there."""
    found = keyring.get_keyring()
    for each in (found, *getattr(found, "backends", ())):
        module = type(each).__module__
        if module.startswith("keyring.backends.") and module.split(".")[2] in _SYSTEMS:
            return each  # type: ignore[no-any-return]  # of a chain, the first
    return None


class InKeyring:
    """`name`: of the issuer and client; one entry each."""

    place = "in the keyring of this system"

    def __init__(self, backend: KeyringBackend, name: str) -> None:
        self._backend, self._name = backend, name
        self._key: OKPKey | None = None

    def start(self) -> "InKeyring":
        """A new key, in memory until it is kept."""
        self.forget()
        self._key = OKPKey.import_key(Ed25519PrivateKey.generate())
        return self

    def public_jwk(self) -> dict[str, str]:
        if self._key is None:
            raise SessionError("no sign-in has begun: `panlock login`")
        return public_jwk(self._key)

    def keep(self, id_token: str, who: Who) -> None:
        if self._key is None:
            raise SessionError("no sign-in has begun: `panlock login`")
        entry = {"key": self._key.as_dict(private=True), "id_token": id_token, "who": asdict(who)}
        try:
            self._backend.set_password(SERVICE, self._name, json.dumps(entry))
        except KeyringError as error:
            raise SessionError(f"the keyring does not take the session ({error}): say `session: agent`") from error

    def who(self) -> Who | None:
        entry = self._entry()
        return None if entry is None else entry[1]

    def seal(self, payload: dict[str, object]) -> bytes:
        entry = self._entry()
        if entry is None:
            raise SessionError("you are not signed in, or the session is over: `panlock login`")
        return entry[0].seal(payload)

    def forget(self) -> bool:
        with suppress(KeyringError):
            if self._backend.get_password(SERVICE, self._name) is not None:
                self._backend.delete_password(SERVICE, self._name)
                return True
        return False

    def _entry(self) -> tuple[SessionKey, Who] | None:
        """What is over is thrown away when somebody looks."""
        try:
            text = self._backend.get_password(SERVICE, self._name)
            entry = None if text is None else json.loads(text)
        except (KeyringError, ValueError):
            return None
        if entry is None:
            return None
        who = Who(**{**entry["who"], "groups": tuple(entry["who"]["groups"])})
        if who.until <= time.time():
            self.forget()
            return None
        return SessionKey(OKPKey.import_key(entry["key"]), entry["id_token"]), who
