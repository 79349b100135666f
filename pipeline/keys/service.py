"""Key services: they wrap keys of 32 bytes under a key of their own, which never leaves them.

Pure: what speaks to HashiCorp Vault and AWS KMS is in agents/keys. A wrapped key is JSON, here over three lines:

    {"v":1,"service":"vault","kind":"seal","id":"s1",
     "ciphertext":"vault:v1:tCqI...",
     "public":"panlock-seal-key-v1:..."}

`ciphertext` is the service's own, bound to kind and id where the service can (`context`), so that nobody passes one key
off as another. `public` is what producers seal to, or the JWK that the policy
names, of an audit key; a token key has none. Nothing of it is secret.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import PanlockError

KEY_BYTES = 32
MAX_WRAPPED_BYTES = 16_384  # X-Wing's public key has 1,624 characters; a ciphertext has some hundred


class KeysError(PanlockError):
    """A key that cannot be had; the message says which, why, and what to do. Never a part of a key or a credential."""


class KeyServiceError(KeysError):
    """A key service that does not answer, or refuses."""


class Kind(StrEnum):
    """What a key is for."""

    TOKEN = "token"  # noqa: S105  # a name
    SEAL = "seal"
    AUDIT = "audit"


class WrappedKey(BaseModel):
    """A key as a key service has wrapped it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    v: Literal[1] = 1
    service: Literal["vault", "aws"]
    kind: Kind
    id: Annotated[str, Field(pattern="^[a-z0-9]{1,16}$")]
    ciphertext: Annotated[str, Field(min_length=1, max_length=8_192)]
    public: Annotated[str, Field(max_length=2_048)] | None = None

    @model_validator(mode="after")
    def _public_of_pairs(self) -> "WrappedKey":
        if (self.kind is Kind.TOKEN) != (self.public is None):
            raise ValueError("a seal or audit key has its public key beside it, and a token key has none")
        return self

    def text(self) -> str:
        """One line of JSON, without its end."""
        return self.model_dump_json(exclude_none=True)


class KeyService(Protocol):
    """One that is reached and authenticated. All raise KeyServiceError."""

    def generate(self, kind: str, id_: str) -> tuple[bytes, str]:
        """A new key of 32 random bytes, made by the service, and its ciphertext."""

    def wrap(self, kind: str, id_: str, key: bytes) -> str:
        """The ciphertext of a key that is there already."""

    def unwrap(self, kind: str, id_: str, ciphertext: str) -> bytes:
        """The 32 bytes."""


def context(kind: str, id_: str) -> Mapping[str, str]:
    """What a ciphertext is bound to: AWS KMS's encryption context; for Vault as its canonical text.

    `kind`: a Kind, or pipeline.keys.recording.KIND.
    """
    return {"panlock-key-id": id_, "panlock-key-kind": str(kind)}


def read_wrapped(text: str, where: str) -> WrappedKey:
    """`where`: its place, for messages. Raises KeysError."""
    try:
        return WrappedKey.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise KeysError(
            f"{where}: no wrapped key ({place}: {first['msg']}): take a file that `panlock keys` wrote"
        ) from None
