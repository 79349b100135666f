"""The CLI's configuration: how to reach Kafka, and who is asking.

    kafka: {bootstrap: "127.0.0.1:9093", ca: ca.pem, certificate: ana.pem, key: ana.key}
    person: {key: ana-decisions.pem}        # for approve, deny, lanes resume and policy changes; or module:, or issuer:
    genesis: <hash of the first bundle>     # for policy changes, as a worker's

From --config, PANLOCK_CONFIG or ./panlock.yaml; paths are relative to the file.
"""

import os
import sys
from getpass import getpass
from pathlib import Path
from typing import Annotated, TypeVar

import typer
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from agents.keys.settings import KeySettings
from agents.settings import Kafka
from cli.hardware import HardwareKey
from cli.session.held import Session
from cli.session.settings import Person, SignInSettings
from pipeline.approval.keys import SigningKey, private_key
from pipeline.errors import PanlockError

DEFAULT = Path("panlock.yaml")
Part = TypeVar("Part", bound=BaseModel)

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", envvar="PANLOCK_CONFIG", help="Configuration; default ./panlock.yaml.", show_default=False
    ),
]

DevelopmentOption = Annotated[
    bool, typer.Option("--development", help="Take plain keys, from files and variables: never with real card data.")
]


class ConfigError(PanlockError):
    """The configuration cannot be used; the message says which key, why, and what to do."""


class Settings(BaseModel):
    """What a command needs to know of its caller. Other keys of the file are a worker's, and not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kafka: Kafka
    person: Person | None = None
    genesis: str | None = None

    def registered_key(self) -> SigningKey | HardwareKey:
        """The person's own, in a file or a module; asks for its passphrase or PIN if the environment does not have it.

        Raises ConfigError, SigningKeyError, HardwareError.
        """
        if self.person is not None and self.person.module is not None:
            return HardwareKey(self.person, passphrase(f"PIN of token {self.person.token}: "))
        if self.person is None or self.person.key is None:
            raise ConfigError(
                "the configuration names no key of yours: `person: {key: FILE}`, made by `panlock person key`, or "
                "`person: {module: FILE, token: NAME, label: NAME}`"
            )
        pem = _read(self.person.key, "person.key")
        return private_key(pem, passphrase(f"Passphrase of {self.person.key}: ") if b"ENCRYPTED" in pem else None)

    def sign_in(self) -> SignInSettings:
        """Raises ConfigError."""
        if self.person is None or self.person.issuer is None:
            raise ConfigError("the configuration names no `person: {issuer: {issuer: URL, client_id: ID}}`: add it")
        return SignInSettings(self.person.issuer, self.person)

    def signatory(self) -> SigningKey | HardwareKey | Session:
        """Whoever is signed in at the issuer, or holds the key. Raises ConfigError, SigningKeyError, HardwareError,
        SessionError."""
        if self.person is not None and self.person.issuer is not None:
            return self.sign_in().session()
        return self.registered_key()


def load_keys(path: Path | None) -> KeySettings:
    """Where the configuration says that keys come from. Raises ConfigError."""
    return read_config(_there(path), KeySettings)


def passphrase(prompt: str) -> bytes:
    """From PANLOCK_PASSPHRASE_FILE, PANLOCK_PASSPHRASE, or the terminal. Raises ConfigError."""
    if path := os.environ.get("PANLOCK_PASSPHRASE_FILE"):
        return _read(Path(path), "PANLOCK_PASSPHRASE_FILE").removesuffix(b"\n").removesuffix(b"\r")
    if (text := os.environ.get("PANLOCK_PASSPHRASE")) is not None:
        return text.encode()
    if not sys.stdin.isatty():
        raise ConfigError("no terminal to ask for the passphrase: set PANLOCK_PASSPHRASE_FILE or PANLOCK_PASSPHRASE")
    return getpass(prompt, stream=sys.stderr).encode()


def configured(path: Path | None, model: type[Part]) -> tuple[Part, Path]:
    """What of the configuration concerns `model`, and the directory that its paths are relative to. Raises
    ConfigError."""
    found = _there(path)
    return read_config(found, model), found.parent


def load_config(path: Path | None) -> Settings:
    """Raises ConfigError."""
    path = _there(path)
    settings = read_config(path, Settings)
    base = path.parent
    person = settings.person and settings.person.relative_to(base)
    return settings.model_copy(update={"kafka": settings.kafka.relative_to(base), "person": person})


def _there(path: Path | None) -> Path:
    path = path or DEFAULT
    if not path.exists():
        raise ConfigError(
            f"no configuration at {path}: say --config FILE, or set PANLOCK_CONFIG (docs/cli.md shows one)"
        )
    return path


def read_config(path: Path, model: type[Part]) -> Part:
    """What of a configuration file concerns `model`. Raises ConfigError."""
    try:
        raw = yaml.safe_load(_read(path, "configuration"))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    try:
        return model.model_validate(raw, context=path.parent)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'the file'}: {each['msg']}" for each in error.errors())
        raise ConfigError(f"{path}: {wrong}") from error


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{what}: cannot read {path}: {error.strerror}") from error
