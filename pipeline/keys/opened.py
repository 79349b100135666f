"""A process's keys in the clear, in memory alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipeline.identity.sealing_keys import PrivateKey
from pipeline.keys import Keyring
from pipeline.keys.service import KeysError, Kind


@dataclass(frozen=True, slots=True)
class Keys:
    """`tokens`: 32 bytes each by id, `active` makes new tokens; `seals`: by key id, to open sealed records with;
    `audit` signs the audit.

    `origins`: `token/<id>`, `seal/<key id in hex>` and `audit/<thumbprint>` → what the key came from: vault, aws, file,
    or environment.
    """

    tokens: Mapping[str, bytes] = field(repr=False)
    active: str
    seals: Mapping[bytes, PrivateKey] = field(repr=False)
    origins: Mapping[str, str]
    audit: Ed25519PrivateKey | None = field(default=None, repr=False)

    def keyring(self) -> Keyring:
        """Raises KeysError."""
        try:
            return Keyring(dict(self.tokens), self.active)
        except ValueError as error:
            raise KeysError(f"token_keys: {error}") from error


def token_name(id_: str) -> str:
    """A token key's name in `origins`, states and events."""
    return f"{Kind.TOKEN}/{id_}"


def audit_name(kid: str) -> str:
    return f"{Kind.AUDIT}/{kid}"


def seal_name(key_id: bytes) -> str:
    return f"{Kind.SEAL}/{key_id.hex()}"
