"""`panlock evidence check`: whether a pack is as it was made, and who answers for that."""

from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from agents.evidence.signed import Checked, verifier
from agents.evidence.signed import check as checked
from cli.config import ConfigError, passphrase
from cli.output import JsonOption, plain, print_json, say, show
from pipeline.approval.keys import SigningKeyError, private_key, registered_key
from pipeline.audit.note import Verifier
from pipeline.policy import load_policy


def check(
    pack: Annotated[Path, typer.Argument(metavar="DIR", help="The pack.")],
    key: Annotated[
        list[str] | None, typer.Option(help="Whose signature counts: the key that was printed; repeatable.")
    ] = None,
    policy: Annotated[Path | None, typer.Option(help="The same: the keys of its people.", show_default=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a pack offline: each file by its hash, and the hashes by the signature of a key that you know.

    Exit 1 where a file was changed, added or taken away, or where none of the keys has signed it. Without --key and
    --policy the files alone are checked: whoever changes an unsigned pack can write its hashes anew.
    """
    people = {} if policy is None else _people(policy)
    known = [*map(Verifier.parse, key or ()), *people.values()]
    found = checked(pack, known)
    signer = None if found.signer is None else _name(found.signer, people)
    wanted = key is not None or policy is not None
    ok = found.whole and (found.signer is not None or not wanted)
    if as_json:
        names = {"changed": found.changed, "missing": found.missing, "added": found.added}
        print_json({"ok": ok, "files": found.files, **names, "signed_by": signer, "unsigned": found.unsigned})
    else:
        _tell(found, signer)
    raise typer.Exit(0 if ok else 1)


def signing_key(file: Path) -> Ed25519PrivateKey:
    """Raises ConfigError, SigningKeyError."""
    try:
        pem = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"--sign: cannot read {file}: {error.strerror}") from error
    key = private_key(pem, passphrase(f"Passphrase of {file}: ") if b"ENCRYPTED" in pem else None).private_key
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyError(f"--sign {file}: notes are signed with Ed25519: make a key with `panlock person key`")
    return key


def _people(policy: Path) -> dict[str, Verifier]:
    """By person and number of the key; those of other curves sign no notes."""
    found = {}
    for name, person in load_policy(policy).people.items():
        for number, jwk in enumerate(person.keys):
            key = registered_key(jwk)
            public = None if key is None else key.public_key
            if isinstance(public, Ed25519PublicKey):
                found[f"{name} {number}"] = verifier(public)
    return found


def _name(signer: Verifier, people: dict[str, Verifier]) -> str:
    """The person where the policy knows them, else the key."""
    return next((name.rpartition(" ")[0] for name, each in people.items() if str(each) == str(signer)), str(signer))


def _tell(found: Checked, signer: str | None) -> None:
    for what, names in (("changed", found.changed), ("missing", found.missing), ("added", found.added)):
        for name in names:
            show(plain(f"{what}: {name}"))
    say(f"{found.files} files: " + ("each is as SHA256SUMS says" if found.whole else "NOT all as SHA256SUMS says"))
    say(f"signed by {signer}" if signer is not None else f"NOT proven who made it: {found.unsigned}")
