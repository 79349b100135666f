"""Where a session's key is kept: the system's keyring if it is one, never a file."""

import json
import time
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend

from cli.session.held import SessionError, Who
from cli.session.in_keyring import SERVICE, InKeyring, system_keyring
from pipeline.approval.envelope import read_unverified
from pipeline.approval.keys import registered_key
from tests.sessions import claims, token


class Memory(KeyringBackend):
    """A keyring of one process."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


def who(until: float) -> Who:
    return Who("ana@pay.example", ("payments-approvers",), "mfa", False, int(until))


def signed_in(backend: KeyringBackend, until: float) -> InKeyring:
    keeper = InKeyring(backend, "https://idp panlock").start()
    key = registered_key(keeper.public_jwk())
    keeper.keep(token(claims("ana@pay.example", key)), who(until))
    return keeper


def test_another_command_of_the_same_person_signs_under_the_session() -> None:
    backend = Memory()
    made = signed_in(backend, time.time() + 60)
    later = InKeyring(backend, "https://idp panlock")
    header, payload = read_unverified(later.seal({"v": 1}))
    assert header["jwk"] == made.public_jwk() and set(payload) == {"v", "id_token"}
    assert later.who() == made.who() and later.who().person == "ana@pay.example"


def test_a_session_that_is_over_is_thrown_away_when_somebody_looks() -> None:
    backend = Memory()
    keeper = signed_in(backend, time.time() - 1)
    assert backend.kept and keeper.who() is None and not backend.kept
    with pytest.raises(SessionError, match="panlock login"):
        keeper.seal({"v": 1})


def test_who_logs_out_leaves_nothing() -> None:
    backend = Memory()
    keeper = signed_in(backend, time.time() + 60)
    assert keeper.forget() and not backend.kept and not keeper.forget()


def test_a_new_sign_in_has_a_new_key() -> None:
    backend = Memory()
    first, second = (signed_in(backend, time.time() + 60).public_jwk() for _ in range(2))
    assert first != second and json.loads(backend.kept[SERVICE, "https://idp panlock"])["key"]["x"] == second["x"]


@pytest.mark.parametrize(("module", "taken"), [
    ("keyring.backends.SecretService", True), ("keyring.backends.macOS", True), ("keyring.backends.Windows", True),
    ("keyring.backends.fail", False), ("keyring.backends.null", False), ("keyrings.alt.file", False),
    ("keyring.backends.chainer", False), ("somebody.SecretService", False),
])  # fmt: skip
def test_only_an_operating_systems_keyring_is_one(module: str, taken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    backend: Any = type("Keyring", (Memory,), {"__module__": module, "priority": 1})()
    monkeypatch.setattr(keyring, "get_keyring", lambda: backend)
    assert (system_keyring() is backend) is taken
