"""`panlock person`: the key a person signs decisions with."""

import os
import sys
from getpass import getpass
from pathlib import Path
from typing import Annotated

import orjson
import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from cli.config import ConfigError, ConfigOption, load_config, passphrase
from cli.hardware import HardwareKey
from cli.output import JsonOption, print_json, say, write
from pipeline.approval.keys import SigningKey, private_key, public_jwk

app = typer.Typer(name="person", no_args_is_help=True, help="The key a person signs decisions with.")

SHORTEST = 12  # characters of a passphrase


@app.callback()
def person() -> None:
    """The key a person signs decisions with."""


@app.command()
def key(
    out: Annotated[Path, typer.Option(help="Where the encrypted private key goes. Never overwritten.")],
    as_json: JsonOption = False,
) -> None:
    """Make an Ed25519 key, encrypted under a passphrase, and print the public JWK for the policy."""
    secret = passphrase("Passphrase for the new key: ")
    if len(secret) < SHORTEST:
        raise ConfigError(f"the passphrase is shorter than {SHORTEST} characters: take a sentence")
    from_terminal = not {"PANLOCK_PASSPHRASE", "PANLOCK_PASSPHRASE_FILE"} & os.environ.keys()
    if from_terminal and getpass("Again: ", stream=sys.stderr).encode() != secret:
        raise ConfigError("the two passphrases differ: nothing was written")
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(secret))
    keep(out, pem)
    _tell(private_key(pem, secret), out, as_json)


@app.command()
def show(
    file: Annotated[Path, typer.Argument(help="The encrypted private key.")],
    as_json: JsonOption = False,
) -> None:
    """Print the public JWK of a key again."""
    try:
        pem = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    _tell(private_key(pem, passphrase(f"Passphrase of {file}: ") if b"ENCRYPTED" in pem else None), file, as_json)


@app.command()
def hardware(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print the public JWK of the key in your hardware module (`person: {module, token, label}`)."""
    found = load_config(config).person
    if found is None or found.module is None:
        raise ConfigError("the configuration names no `person: {module: LIBRARY, token: LABEL, label: LABEL}`: add it")
    made = HardwareKey(found, passphrase(f"PIN of token {found.token}: "))
    _tell(made.public, f"{found.token}/{found.label}", as_json)


def keep(out: Path, pem: bytes) -> None:
    """Write a private key, for its owner to read. Raises ConfigError, also where something is there already."""
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
    except FileExistsError as error:
        raise ConfigError(f"{out} is there already: name another file, or move it away yourself") from error
    except OSError as error:
        raise ConfigError(f"cannot write {out}: {error.strerror}") from error


def _tell(made: SigningKey, file: Path | str, as_json: bool) -> None:
    jwk = public_jwk(made)
    if as_json:
        print_json({"key": str(file), "kid": made.thumbprint(), "jwk": jwk})
        return
    write(orjson.dumps(jwk, option=orjson.OPT_APPEND_NEWLINE))
    say(f"{file}: its passphrase or PIN is yours alone; put the line above under people.<you>.keys of the policy")
