"""Where keys come from: what is refused, with what to do, and never a part of a key in a message."""

import json
import os
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agents.keys import opening
from agents.keys.opening import Services, open_audit_key, open_keys
from agents.keys.settings import KeyServices, KeySettings, Wrapped
from cli.config import ConfigError, load_keys
from cli.keys.making import KemName, Maker, next_id
from pipeline.audit.signature import Signer, public_jwk
from pipeline.identity.sealing_keys import Kem, key_id, private_key, private_text, read_public
from pipeline.keys.opened import seal_name
from pipeline.keys.service import KeysError, KeyServiceError, Kind, WrappedKey, read_wrapped
from tests.keys import MemoryService

KEY = bytes(range(32))
VAULT = {"address": "https://vault.example:8200", "key": "panlock", "auth": {"token_file": "token"}}


class MemoryServices(Services):
    """Vault and AWS KMS, each a MemoryService."""

    made: dict[str, MemoryService]

    def _reach(self, name: str) -> MemoryService:
        return self.made.setdefault(name, MemoryService())


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> MemoryServices:
    MemoryServices.made = {}
    monkeypatch.setattr(opening, "Services", MemoryServices)
    return MemoryServices(KeyServices())


def configuration(directory: Path, **more: Any) -> KeySettings:
    file = directory / "worker.yaml"
    file.write_text(yaml.safe_dump({"kafka": "not looked at", "key_services": {"vault": VAULT}, **more}))
    return load_keys(file)


def secret(directory: Path, name: str, content: bytes) -> Path:
    path = directory / name
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def maker(directory: Path, settings: KeySettings, services: Services, **more: Any) -> Maker:
    return Maker(settings, services, **{"service": None, "out": directory, "development": False, **more})


def test_a_wrapped_key_is_unwrapped_into_memory(tmp_path: Path, services: MemoryServices) -> None:
    new = maker(tmp_path, configuration(tmp_path), services)
    assert [new.new(kind, id_, KemName.X_WING).line for kind, id_ in ((Kind.TOKEN, "k1"), (Kind.SEAL, "s1"))] == [
        "k1: {wrapped: k1.json}",
        "s1: {wrapped: s1.json}",
    ]
    settings = configuration(
        tmp_path, token_keys={"k1": {"wrapped": "k1.json"}}, token_key="k1", seal_keys={"s1": {"wrapped": "s1.json"}}
    )
    keys = open_keys(settings, development=False)
    public = read_public((tmp_path / "s1.pub").read_text())
    assert (len(keys.tokens["k1"]), list(keys.seals)) == (32, [key_id(public)])
    assert keys.origins == {"token/k1": "vault", seal_name(key_id(public)): "vault"}
    assert keys.keyring() is not None
    for shown in (repr(keys), *(file.read_text() for file in tmp_path.glob("*.json"))):
        assert keys.tokens["k1"].hex() not in shown and b64encode(keys.tokens["k1"]).decode() not in shown
    assert all(file.stat().st_mode & 0o77 == 0 for file in tmp_path.glob("*.json"))


def test_a_wrapped_key_may_stand_in_the_configuration_itself(tmp_path: Path, services: MemoryServices) -> None:
    maker(tmp_path, configuration(tmp_path), services).new(Kind.TOKEN, "k1", KemName.X_WING)
    inline = yaml.safe_load((tmp_path / "k1.json").read_text())
    settings = configuration(tmp_path, token_keys={"k1": {"wrapped": inline}}, token_key="k1")
    assert len(open_keys(settings, development=False).tokens["k1"]) == 32


def test_an_audit_key_is_wrapped_whether_new_or_from_a_file(tmp_path: Path, services: MemoryServices) -> None:
    private = Ed25519PrivateKey.from_private_bytes(KEY)
    secret(tmp_path, "w1.pem", private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    plain = configuration(tmp_path, audit_key="w1.pem")
    kid = Signer(private).kid
    assert open_keys(plain, development=True).origins == {f"audit/{kid}": "file"}
    with pytest.raises(KeysError, match=r"audit_key: .*plain.*panlock keys wrap audit audit.*--development"):
        open_audit_key(plain, development=False)

    new = maker(tmp_path, plain, services)
    made, _ = new.wrap(Kind.AUDIT, "w1")
    assert made.line == "audit_key: {wrapped: w1.json}"
    assert json.loads((tmp_path / "w1.pub").read_text()) == public_jwk(private.public_key())
    settings = configuration(tmp_path, audit_key={"wrapped": "w1.json"})
    opened = open_audit_key(settings, development=False)
    assert opened is not None and opened.private_bytes_raw() == KEY
    assert open_keys(settings, development=False).origins == {f"audit/{kid}": "vault"}
    assert next_id(Kind.AUDIT, settings) == ("w1", "w2")

    new.new(Kind.AUDIT, "w2", KemName.X_WING)
    first, second = (read_wrapped((tmp_path / f"{name}.json").read_text(), name) for name in ("w1", "w2"))
    swapped = json.loads(first.model_copy(update={"public": second.public}).text())
    with pytest.raises(KeysError, match="audit_key: its public key is another one's"):
        open_audit_key(configuration(tmp_path, audit_key={"wrapped": swapped}), development=False)


@pytest.mark.parametrize("member", ["token_keys", "seal_keys"])
@pytest.mark.parametrize("source", ["plain.key", {"env": "PANLOCK_TEST_KEY"}])
def test_a_plain_key_needs_development(tmp_path: Path, member: str, source: object) -> None:
    with pytest.raises(KeysError, match=rf"{member}\.k1: .*plain.*panlock keys wrap .* k1.*--development"):
        open_keys(configuration(tmp_path, **{member: {"k1": source}}), development=False)


def test_plain_keys_are_read_in_development(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret(tmp_path, "k1.key", KEY)
    secret(tmp_path, "s1.key", private_text(Kem.X25519, KEY).encode() + b"\n")
    monkeypatch.setenv("PANLOCK_TEST_KEY", b64encode(KEY[::-1]).decode())
    settings = configuration(
        tmp_path, token_keys={"k1": "k1.key", "k2": {"env": "PANLOCK_TEST_KEY"}}, token_key="k2",
        seal_keys={"s1": "s1.key"},
    )  # fmt: skip
    keys = open_keys(settings, development=True)
    assert keys.tokens == {"k1": KEY, "k2": KEY[::-1]}
    assert list(keys.origins.values()) == ["file", "environment", "file"]
    assert "PANLOCK_TEST_KEY" not in os.environ  # processes started later do not get it


@pytest.mark.parametrize(
    ("content", "mode", "what"),
    [
        (KEY, 0o640, "readable by others: chmod 600"),
        (KEY[1:], 0o600, "holds 31 bytes: it takes 32"),
        (None, 0o600, "cannot read .*No such file"),
    ],
)
def test_a_plain_file_that_is_no_key_is_named(tmp_path: Path, content: bytes | None, mode: int, what: str) -> None:
    if content is not None:
        secret(tmp_path, "k1.key", content).chmod(mode)
    with pytest.raises(KeysError, match=rf"token_keys\.k1: .*{what}"):
        open_keys(configuration(tmp_path, token_keys={"k1": "k1.key"}), development=True)


@pytest.mark.parametrize(("value", "what"), [(None, "has no PANLOCK_TEST_KEY: set it"), ("s3cret!", "not base64")])
def test_a_variable_that_is_no_key_is_named_and_not_quoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, what: str
) -> None:
    if value is not None:
        monkeypatch.setenv("PANLOCK_TEST_KEY", value)
    with pytest.raises(KeysError, match=rf"token_keys\.k1: .*{what}") as raised:
        open_keys(configuration(tmp_path, token_keys={"k1": {"env": "PANLOCK_TEST_KEY"}}), development=True)
    assert "s3cret" not in str(raised.value)


def test_a_wrapped_key_under_another_name_is_refused(tmp_path: Path, services: MemoryServices) -> None:
    maker(tmp_path, configuration(tmp_path), services).new(Kind.TOKEN, "k1", KemName.X_WING)
    settings = configuration(tmp_path, token_keys={"k2": {"wrapped": "k1.json"}}, token_key="k2")
    with pytest.raises(KeysError, match=r"token_keys\.k2: holds the token key k1: put it under that name"):
        open_keys(settings, development=False)


def test_a_wrapped_key_that_says_another_name_is_refused_by_the_service(
    tmp_path: Path, services: MemoryServices
) -> None:
    maker(tmp_path, configuration(tmp_path), services).new(Kind.TOKEN, "k1", KemName.X_WING)
    (tmp_path / "k2.json").write_text((tmp_path / "k1.json").read_text().replace('"k1"', '"k2"'))
    settings = configuration(tmp_path, token_keys={"k2": {"wrapped": "k2.json"}}, token_key="k2")
    with pytest.raises(KeyServiceError):
        open_keys(settings, development=False)


def test_a_seal_key_beside_another_ones_public_key_is_refused(tmp_path: Path, services: MemoryServices) -> None:
    new = maker(tmp_path, configuration(tmp_path), services)
    new.new(Kind.SEAL, "s1", KemName.X_WING)
    new.new(Kind.SEAL, "s2", KemName.X_WING)
    first, second = (read_wrapped((tmp_path / f"{name}.json").read_text(), name) for name in ("s1", "s2"))
    swapped = first.model_copy(update={"public": second.public})
    settings = configuration(tmp_path, seal_keys={"s1": {"wrapped": yaml.safe_load(swapped.text())}})
    with pytest.raises(KeysError, match=r"seal_keys\.s1: its public key is another one's"):
        open_keys(settings, development=False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"v":2,"service":"vault","kind":"token","id":"k1","ciphertext":"c"}',
        '{"v":1,"service":"elsewhere","kind":"token","id":"k1","ciphertext":"c"}',
        '{"v":1,"service":"vault","kind":"token","id":"K 1","ciphertext":"c"}',
        '{"v":1,"service":"vault","kind":"token","id":"k1","ciphertext":"c","more":1}',
        '{"v":1,"service":"vault","kind":"seal","id":"s1","ciphertext":"c"}',
        '{"v":1,"service":"vault","kind":"audit","id":"w1","ciphertext":"c"}',
        '{"v":1,"service":"vault","kind":"token","id":"k1","ciphertext":"c","public":"p"}',
    ],
)
def test_what_is_no_wrapped_key_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(KeysError, match=r"k1\.json: no wrapped key \(.*\): take a file that `panlock keys` wrote"):
        read_wrapped(text, "k1.json")


def test_a_wrapped_keys_text_never_changes() -> None:
    """Golden: files of this release must open in every later one."""
    text = '{"v":1,"service":"aws","kind":"token","id":"k1","ciphertext":"AQICAHg="}'
    assert WrappedKey(service="aws", kind=Kind.TOKEN, id="k1", ciphertext="AQICAHg=").text() == text
    assert read_wrapped(text, "k1.json").text() == text


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"key_services": {"vault": {**VAULT, "address": "http://vault.example:8200"}}}, "key_services.vault.address"),
        ({"key_services": {"vault": {**VAULT, "auth": {}}}}, "exactly one of token_file, approle"),
        ({"key_services": {"vault": {**VAULT, "verify": False}}}, "key_services.vault.verify"),
        ({"key_services": {"aws": {"key": "k", "region": "r", "endpoint": "http://kms.example"}}}, "aws.endpoint"),
        ({"token_keys": {"k1": {"file": "k1.key"}}}, r"token_keys.k1: say \{wrapped: FILE\}"),
    ],
)
def test_a_wrong_configuration_is_named_by_its_member(tmp_path: Path, more: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigError, match=what):
        configuration(tmp_path, **more)


def test_a_service_that_the_configuration_does_not_have_is_named(tmp_path: Path) -> None:
    wrapped = WrappedKey(service="aws", kind=Kind.TOKEN, id="k1", ciphertext="AQ==")
    settings = KeySettings(token_keys={"k1": Wrapped(wrapped=wrapped)}, token_key="k1")
    with pytest.raises(KeysError, match=r"key_services: a key is wrapped by aws, which is not there: add `aws: "):
        open_keys(settings, development=False)


def test_an_active_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    secret(tmp_path, "k1.key", KEY)
    keys = open_keys(configuration(tmp_path, token_keys={"k1": "k1.key"}, token_key="k2"), development=True)
    with pytest.raises(KeysError, match=r'token_keys: active key "k2" is not among the keys'):
        keys.keyring()


def test_a_plain_key_goes_over_to_a_service_and_is_the_same(tmp_path: Path, services: MemoryServices) -> None:
    secret(tmp_path, "k1.key", KEY)
    secret(tmp_path, "s1.key", private_text(Kem.X25519, KEY).encode())
    plain = configuration(tmp_path, token_keys={"k1": "k1.key"}, token_key="k1", seal_keys={"s1": "s1.key"})
    made = maker(tmp_path, plain, services)
    assert made.wrap(Kind.TOKEN, "k1")[1] == str(tmp_path / "k1.key")
    made.wrap(Kind.SEAL, "s1")
    settings = configuration(
        tmp_path, token_keys={"k1": {"wrapped": "k1.json"}}, token_key="k1", seal_keys={"s1": {"wrapped": "s1.json"}}
    )
    keys = open_keys(settings, development=False)
    assert keys.tokens == {"k1": KEY}
    assert list(keys.seals) == [key_id(private_key(Kem.X25519, KEY).public)]
    again = maker(tmp_path / "..", settings, services, out=tmp_path)
    with pytest.raises(KeysError, match=r"k1\.json is there already: say --out DIRECTORY"):
        again.wrap(Kind.TOKEN, "k1")


def test_without_a_service_a_new_key_needs_development(tmp_path: Path) -> None:
    settings = KeySettings()
    with pytest.raises(KeysError, match=r"key_services: none is there .*--development"):
        maker(tmp_path, settings, Services(settings.key_services)).new(Kind.TOKEN, "k1", KemName.X_WING)
    assert not list(tmp_path.iterdir())
    plain = maker(tmp_path, settings, Services(settings.key_services), development=True)
    assert plain.new(Kind.TOKEN, "k1", KemName.X_WING).line == "k1: k1.key"
    assert plain.new(Kind.SEAL, "s1", KemName.X25519).public == tmp_path / "s1.pub"
    keys = open_keys(configuration(tmp_path, token_keys={"k1": "k1.key"}, seal_keys={"s1": "s1.key"}), development=True)
    assert list(keys.seals) == [key_id(read_public((tmp_path / "s1.pub").read_text()))]


def test_with_two_services_one_is_to_be_named(tmp_path: Path) -> None:
    aws = {"key": "alias/panlock", "region": "eu-central-1"}
    settings = configuration(tmp_path, key_services={"vault": VAULT, "aws": aws})
    with pytest.raises(KeysError, match="say --service vault or --service aws"):
        maker(tmp_path, settings, Services(settings.key_services)).new(Kind.TOKEN, "k1", KemName.X_WING)


@pytest.mark.parametrize(
    ("kind", "keys", "active", "wanted"),
    [
        (Kind.TOKEN, ["k1"], "k1", ("k1", "k2")),
        (Kind.TOKEN, ["k9", "k10"], "k9", ("k9", "k11")),
        (Kind.TOKEN, ["main"], "main", ("main", "main1")),
        (Kind.SEAL, ["s1", "s2"], None, ("s2", "s3")),
    ],
)
def test_the_next_id_is_the_next_number(kind: Kind, keys: list[str], active: str, wanted: tuple[str, str]) -> None:
    member = "token_keys" if kind is Kind.TOKEN else "seal_keys"
    assert next_id(kind, KeySettings(**{member: dict.fromkeys(keys, Path("x")), "token_key": active})) == wanted


def test_nothing_to_rotate_is_said() -> None:
    with pytest.raises(KeysError, match="none to rotate: `panlock keys new seal ID`"):
        next_id(Kind.SEAL, KeySettings())
