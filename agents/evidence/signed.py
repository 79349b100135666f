"""What answers for a pack: the hashes of its files, and a signed note over them.

SHA256SUMS          <SHA-256 in hex>  <name>, a line for each file, as `sha256sum -c` reads it
SHA256SUMS.note     a signed note (C2SP signed-note) by the key `panlock-evidence`, over
                        panlock-evidence-v1
                        <SHA-256 of SHA256SUMS in hex>
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pipeline.audit.note import LARGEST, NoteError, Verifier, open_note, sign
from pipeline.errors import PanlockError

SUMS, NOTE = "SHA256SUMS", "SHA256SUMS.note"
NAME = "panlock-evidence"  # of whoever's key it is
DOMAIN = "panlock-evidence-v1"
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_MOST = 64 << 20  # bytes of SHA256SUMS: half a million files


class PackError(PanlockError):
    """A directory that is no pack; the message says why."""


class Checked(NamedTuple):
    """Names of files; `signer`: the verifier whose note it is; `unsigned`: why there is none."""

    files: int
    changed: Sequence[str]
    missing: Sequence[str]
    added: Sequence[str]
    signer: Verifier | None
    unsigned: str | None

    @property
    def whole(self) -> bool:
        return not (self.changed or self.missing or self.added)


def sums_of(files: Mapping[str, bytes]) -> bytes:
    return "".join(
        f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items())
    ).encode()


def note_over(sums: bytes, key: Ed25519PrivateKey) -> bytes:
    return sign(_text(sums), NAME, key).encode()


def verifier(key: Ed25519PublicKey) -> Verifier:
    return Verifier(NAME, key)


def check(directory: Path, verifiers: Sequence[Verifier]) -> Checked:
    """Raises PackError where there is nothing to check by."""
    sums = _read(directory / SUMS, _MOST)
    if sums is None:
        raise PackError(f"{directory} has no {SUMS}: name the directory of a pack")
    told = _told(sums, directory / SUMS)
    there = dict(_there(directory))
    changed = [name for name, digest in told.items() if name in there and _digest(there[name]) != digest]
    missing, added = sorted(told.keys() - there.keys()), sorted(there.keys() - told.keys())
    signer, unsigned = _signer(directory, sums, verifiers)
    return Checked(len(told), sorted(changed), missing, added, signer, unsigned)


def _signer(directory: Path, sums: bytes, verifiers: Sequence[Verifier]) -> tuple[Verifier | None, str | None]:
    note = _read(directory / NOTE, LARGEST)
    if note is None:
        return None, "nobody has signed it"
    for each in verifiers:
        try:
            text = open_note(note, [each])
        except NoteError as error:
            why = str(error)
            continue
        return (each, None) if text == _text(sums) else (None, f"{NOTE} is over another {SUMS}")
    return None, why if verifiers else "whose signature counts was not said"


def _text(sums: bytes) -> str:
    return f"{DOMAIN}\n{hashlib.sha256(sums).hexdigest()}\n"


def _told(sums: bytes, path: Path) -> dict[str, str]:
    """Digest by name. Raises PackError."""
    told: dict[str, str] = {}
    for number, line in enumerate(sums.decode(errors="replace").splitlines(), 1):
        found = _LINE.fullmatch(line)
        if found is None or found[2] in told:
            raise PackError(f"{path}:{number}: is no line of `<SHA-256>  <name>`, or of a file that it names twice")
        told[found[2]] = found[1]
    return told


def _there(directory: Path) -> Iterator[tuple[str, Path]]:
    """Every file below, by name, but for sums and note."""
    for place, _, names in os.walk(directory):
        for name in names:
            path = Path(place, name)
            relative = path.relative_to(directory).as_posix()
            if relative not in (SUMS, NOTE):
                yield relative, path


def _digest(path: Path) -> str | None:
    """None for what is no file of the pack's own."""
    if path.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path, most: int) -> bytes | None:
    """None where it is not there. Raises PackError."""
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise PackError(f"cannot read {path}: {error.strerror}") from error
    if len(content) > most:
        raise PackError(f"{path} has more than {most} bytes: it is of no pack")
    return content
