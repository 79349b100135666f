"""New keys in new files: wrapped ones, or plain ones for development."""

import os
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal, cast

from agents.keys.opening import MEMBERS, Services, audit_public, audit_seed, place, seal_seed, shown, sources, token_key
from agents.keys.settings import KeySettings, KeySource
from cli.person import keep
from pipeline.identity.sealing_keys import Kem, private_key, private_text, public_text
from pipeline.keys.service import KEY_BYTES, KeysError, Kind, WrappedKey

_ID = re.compile("[a-z0-9]{1,16}")


class KemName(StrEnum):
    """X-Wing is ML-KEM-768 with X25519: what is recorded today stays sealed."""

    X_WING = "x-wing"
    X25519 = "x25519"

    @property
    def kem(self) -> Kem:
        return Kem.X25519 if self is KemName.X25519 else Kem.MLKEM768_X25519


@dataclass(frozen=True, slots=True)
class Made:
    """`file`: of the key, wrapped or plain; `public`: of a seal key, for producers; `origin`: vault, aws or file."""

    kind: Kind
    id: str
    origin: str
    file: Path
    public: Path | None

    @property
    def line(self) -> str:
        """As the configuration has it."""
        name = "audit_key" if self.kind is Kind.AUDIT else self.id
        return f"{name}: {self.file.name}" if self.origin == "file" else f"{name}: {{wrapped: {self.file.name}}}"


@dataclass(frozen=True, slots=True)
class Maker:
    """Writes into `out`, never over anything. Its methods raise KeysError, KeyServiceError, ConfigError."""

    settings: KeySettings
    services: Services
    service: str | None
    out: Path
    development: bool

    def new(self, kind: Kind, id_: str, kem: KemName) -> Made:
        if not _ID.fullmatch(id_):
            raise KeysError(f"{id_!r} is no key id: use 1 to 16 of a-z and 0-9")
        if id_ in sources(self.settings, kind):
            raise KeysError(f"{place(kind, id_)} is there already: take another id, or `panlock keys rotate {kind}`")
        service = self._service()
        if service is None:
            return self._plain(kind, id_, kem)
        self._check_absent(kind, id_)
        key, ciphertext = self.services[service].generate(kind, id_)
        return self._write(kind, id_, service, ciphertext, _public(kind, kem.kem, key))

    def wrap(self, kind: Kind, id_: str) -> tuple[Made, str]:
        """Also where the key is now, for people."""
        source = self.settings.audit_key if kind is Kind.AUDIT else sources(self.settings, kind).get(id_)
        if source is None:
            raise KeysError(f"{place(kind, id_)}: the configuration has none: name it there, or `panlock keys new`")
        service = self._service()
        if service is None:
            raise KeysError("key_services: none is there to wrap with: add vault or aws (docs/keys.md shows both)")
        self._check_absent(kind, id_)
        kem, key = self._material(kind, id_, source)
        ciphertext = self.services[service].wrap(kind, id_, key)
        return self._write(kind, id_, service, ciphertext, _public(kind, kem, key)), shown(source)

    def _material(self, kind: Kind, id_: str, source: KeySource) -> tuple[Kem, bytes]:
        """32 bytes, and a seal key's KEM."""
        if kind is Kind.SEAL:
            return seal_seed(id_, source, self.services)
        token = kind is Kind.TOKEN
        key = token_key(id_, source, self.services) if token else audit_seed(source, self.services)
        return Kem.MLKEM768_X25519, key

    def _service(self) -> str | None:
        """Which wraps; None: a plain key will do. Raises KeysError."""
        there = [name for name in ("vault", "aws") if getattr(self.settings.key_services, name) is not None]
        if self.service is not None:
            if self.service not in there:
                raise KeysError(f"--service {self.service}: the configuration's key_services have {there or 'none'}")
            return self.service
        if len(there) > 1:
            raise KeysError("key_services: there are two: say --service vault or --service aws")
        if not there and not self.development:
            raise KeysError(
                "key_services: none is there to wrap the key: add vault or aws (docs/keys.md shows both), "
                "or say --development for a plain file where no real card data is"
            )
        return there[0] if there else None

    def _plain(self, kind: Kind, id_: str, kem: KemName) -> Made:
        if kind is Kind.AUDIT:
            raise KeysError("a plain audit key is made by `panlock audit key`: it is in PEM")
        key, file = os.urandom(KEY_BYTES), self.out / f"{id_}.key"
        if kind is Kind.TOKEN:
            keep(file, key)
            return Made(kind, id_, "file", file, None)
        keep(file, private_text(kem.kem, key).encode())
        return Made(kind, id_, "file", file, self._publish(id_, public_text(private_key(kem.kem, key).public)))

    def _check_absent(self, kind: Kind, id_: str) -> None:
        """Before a key service is asked for anything."""
        for file in (self.out / f"{id_}.json", self.out / f"{id_}.pub"):
            if file.exists() and (kind is not Kind.TOKEN or file.suffix == ".json"):
                raise KeysError(f"{file} is there already: say --out DIRECTORY, or move it away yourself")

    def _write(self, kind: Kind, id_: str, service: str, ciphertext: str, public: str | None) -> Made:
        named = cast(Literal["vault", "aws"], service)
        wrapped = WrappedKey(service=named, kind=kind, id=id_, ciphertext=ciphertext, public=public)
        file = self.out / f"{id_}.json"
        keep(file, wrapped.text().encode() + b"\n")
        return Made(kind, id_, service, file, None if public is None else self._publish(id_, public))

    def _publish(self, id_: str, text: str) -> Path:
        file = self.out / f"{id_}.pub"
        keep(file, text.encode() + b"\n")
        return file


def _public(kind: Kind, kem: Kem, key: bytes) -> str | None:
    """Of a key pair, as it is given away."""
    if kind is Kind.TOKEN:
        return None
    return audit_public(key) if kind is Kind.AUDIT else public_text(private_key(kem, key).public)


def next_id(kind: Kind, settings: KeySettings) -> tuple[str, str]:
    """The id that is rotated, and the next one's: s1, s2. Raises KeysError."""
    keys = sources(settings, kind)
    if not keys:
        raise KeysError(f"{MEMBERS[kind]}: the configuration has none to rotate: `panlock keys new {kind} ID`")
    active = settings.token_key if kind is Kind.TOKEN else None
    former = active if active is not None and active in keys else list(keys)[-1]
    stem = former.rstrip("0123456789")
    number = int(former[len(stem) :] or 1)
    while (id_ := f"{stem}{number}") in keys:
        number += 1
    return former, id_
