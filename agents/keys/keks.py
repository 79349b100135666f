"""KEKs of recordings that reveal, one a flow and month, in the key service that the configuration names.

A worker makes the month's where it is not there, and may do no more than that, generate data keys and decrypt; who
shreds needs the right to delete. Names: pipeline.keys.recording.kek_name. In Vault `transit/keys/<name>`, derived; in
AWS KMS `alias/<name>`; for development a file.
"""

import os
from base64 import b64decode, b64encode
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from agents.keys.settings import KeySettings
from pipeline.keys.recording import Service
from pipeline.keys.service import KEY_BYTES, KeysError, KeyServiceError

WINDOW = 7  # days: AWS KMS deletes no sooner


class Kek(Protocol):
    """One KEK. All raise KeyServiceError."""

    def make(self) -> None:
        """Unless it is there."""

    def destroy(self) -> str:
        """Returns what the key service answered, in its own words: what that is worth, its own log says."""

    def generate(self, kind: str, id_: str) -> tuple[bytes, str]: ...
    def unwrap(self, kind: str, id_: str, ciphertext: str) -> bytes: ...


def service_of(settings: KeySettings) -> Service:
    """Where the configuration keeps them. Raises KeysError."""
    if settings.recording_keys is None:
        raise KeysError("recording_keys is missing: say {service: vault} or {service: aws}; {directory: DIR} in tests")
    return settings.recording_keys.service or "file"


def kek(settings: KeySettings, service: Service, name: str, development: bool) -> Kek:
    """Raises KeysError, KeyServiceError."""
    if service == "file":
        directory = None if settings.recording_keys is None else settings.recording_keys.directory
        if directory is None or not development:
            raise KeysError(
                "recording_keys: a directory holds plain keys: name a key service, or say --development where no real "
                "card data is"
            )
        return FileKek(directory / f"{name}.kek")
    if service == "vault" and settings.key_services.vault is not None:
        return _vault(settings, name)
    if service == "aws" and settings.key_services.aws is not None:
        return _aws(settings, name)
    raise KeysError(f"key_services: recordings are encrypted under a key of {service}: add `{service}: {{...}}`")


def _vault(settings: KeySettings, name: str) -> Kek:
    from agents.keys.vault import Vault

    found = settings.key_services.vault
    assert found is not None  # noqa: S101  # kek
    named = found.model_copy(update={"key": name})

    class VaultKek(Vault):
        def make(self) -> None:
            self._answer("make the key", lambda: self._call("create_key", derived=True))

        def destroy(self) -> str:
            change = partial(self._call, "update_key_configuration", deletion_allowed=True)
            allowed = self._answer("let it be deleted", change)
            deleted = self._answer("delete the key", lambda: self._call("delete_key"))
            told = [f"config {_status(allowed)}", f"DELETE {_status(deleted)}"]
            return f"Vault, {named.mount}/keys/{name}: {', '.join(told)}"

    return VaultKek(named)


def _status(answer: Any) -> str:
    return f"HTTP {answer.status_code}" if hasattr(answer, "status_code") else "HTTP 200"


def _aws(settings: KeySettings, name: str) -> Kek:
    from agents.keys.aws import AwsKms

    alias = f"alias/{name}"

    class AwsKek(AwsKms):
        def make(self) -> None:
            if self._there() is None:
                tags = [{"TagKey": "panlock", "TagValue": name}]
                made = self._ask("make the key", "create_key", Description=name, Tags=tags)
                self._ask("name the key", "create_alias", AliasName=alias, TargetKeyId=made["KeyMetadata"]["KeyId"])

        def destroy(self) -> str:
            id_ = self._there()
            if id_ is None:
                raise self._error("destroy the key", f"is not possible: there is no {alias}")
            self._ask("disable the key", "disable_key", KeyId=id_)
            told = self._ask("delete the key", "schedule_key_deletion", KeyId=id_, PendingWindowInDays=WINDOW)
            self._ask("take its name", "delete_alias", AliasName=alias)
            state = self._ask("see its state", "describe_key", KeyId=id_)["KeyMetadata"]["KeyState"]
            when = told["DeletionDate"].strftime("%Y-%m-%dT%H:%M:%SZ")
            return f"AWS KMS: KeyId {told['KeyId']}, KeyState {state}, DeletionDate {when}"

        def _there(self) -> str | None:
            try:
                return str(self._ask("find the key", "describe_key", KeyId=alias)["KeyMetadata"]["KeyId"])
            except KeyServiceError as error:
                if "NotFoundException" in str(error):
                    return None
                raise

    found = settings.key_services.aws
    assert found is not None  # noqa: S101  # kek
    return AwsKek(found.model_copy(update={"key": alias}))


class FileKek:
    """A plain key: for development alone."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def make(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._write()
        except OSError as error:
            raise KeyServiceError(f"recording_keys: cannot make {self._path}: {error.strerror}") from None

    def _write(self) -> None:
        draft = self._path.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(os.urandom(KEY_BYTES))
        with suppress(FileExistsError):
            os.link(draft, self._path)  # whichever worker is first; nobody sees half a key
        draft.unlink()

    def destroy(self) -> str:
        try:
            self._path.unlink()
        except OSError as error:
            raise KeyServiceError(f"{self._path}: {error.strerror}: nothing was destroyed") from None
        return f"file {self._path.name} unlinked; whether its blocks are overwritten is the disk's affair"

    def generate(self, kind: str, id_: str) -> tuple[bytes, str]:
        key, nonce = os.urandom(KEY_BYTES), os.urandom(12)
        return key, b64encode(nonce + self._cipher().encrypt(nonce, key, f"{kind}/{id_}".encode())).decode()

    def unwrap(self, kind: str, id_: str, ciphertext: str) -> bytes:
        try:
            raw = b64decode(ciphertext, validate=True)
            return self._cipher().decrypt(raw[:12], raw[12:], f"{kind}/{id_}".encode())
        except (ValueError, InvalidTag):
            raise KeyServiceError(f"{self._path}: the data key {id_} was altered, or wrapped by another") from None

    def _cipher(self) -> AESGCM:
        try:
            return AESGCM(self._path.read_bytes())
        except OSError as error:
            raise KeyServiceError(f"{self._path}: {error.strerror}: the key is gone") from None
