"""The signature on the last event of a transaction: by it a worker, or another emitter, answers for all before it.

The event's member `signature` is {"key": RFC 7638 thumbprint, "sig": base64url of the Ed25519 signature} over

    "panlock-audit-v1" | u32 length of origin | origin (pipeline.audit.origin) | u64 seq | SHA-256

big-endian; the hash is that of the event's canonical form without this member. The next event's `prev` is the hash of
the event as written, signature and all. An event without one is answered for by the next one that has it.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

DOMAIN = b"panlock-audit-v1"
MEMBER = "signature"

Keys = Mapping[str, Ed25519PublicKey]  # by thumbprint


@dataclass(frozen=True)
class Signer:
    """An emitter's private key."""

    key: Ed25519PrivateKey

    @cached_property
    def kid(self) -> str:
        return thumbprint(self.key.public_key())

    def sign(self, origin: str, seq: int, event: bytes) -> bytes:
        """The event with its signature; it has none yet."""
        raw = self.key.sign(signed_bytes(origin, seq, event))
        member = {"key": self.kid, "sig": _base64(raw)}
        return orjson.dumps({**orjson.loads(event), MEMBER: member}, option=orjson.OPT_SORT_KEYS)


def signed_bytes(origin: str, seq: int, body: bytes) -> bytes:
    """`body`: the event without its signature."""
    name = origin.encode()
    return b"".join((DOMAIN, len(name).to_bytes(4, "big"), name, seq.to_bytes(8, "big"), sha256(body).digest()))


def refusal(origin: str, event: Mapping[str, object], keys: Keys) -> str | None:
    """Why the signature of a well-formed event does not count; None where it does."""
    member = event[MEMBER]
    if not isinstance(member, dict) or set(member) != {"key", "sig"}:
        return "the signature has another form"
    key = keys.get(str(member["key"]))
    if key is None:
        return "signed by a key that is none of this log's"
    body = orjson.dumps({k: v for k, v in event.items() if k != MEMBER}, option=orjson.OPT_SORT_KEYS)
    try:
        key.verify(_bytes(str(member["sig"])), signed_bytes(origin, int(str(event["seq"])), body))
    except (InvalidSignature, ValueError):
        return "the signature is not that of the event in this log"
    return None


def keys_of(jwks: Iterable[Mapping[str, str]]) -> Keys:
    """Of public JWKs as the policy has them (OKP, Ed25519)."""
    keys = (Ed25519PublicKey.from_public_bytes(_bytes(jwk["x"])) for jwk in jwks)
    return {thumbprint(key): key for key in keys}


def public_jwk(key: Ed25519PublicKey) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": _base64(key.public_bytes(Encoding.Raw, PublicFormat.Raw))}


def thumbprint(key: Ed25519PublicKey) -> str:
    """RFC 7638, as RFC 8037 has it for Ed25519."""
    return _base64(sha256(orjson.dumps(public_jwk(key))).digest())


def _base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Raises ValueError."""
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _base64(raw) != text:
        raise ValueError("not base64url")
    return raw
