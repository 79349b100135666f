"""The signed envelope of what people say to Panlock: a compact JWS (RFC 7515).

    header   {"alg":"Ed25519","kid":"<RFC 7638 thumbprint>","typ":"panlock-decision+jws"}, nothing else
    payload  a JSON object with "v":1 and no key twice

Algorithms are pinned by the registered key's curve (RFC 8725, 3.1): Ed25519 or EdDSA for Ed25519, ES256 for P-256.
Who signed is who registered the key, never what a field says.
"""

import json
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jws import JWSRegistry

from pipeline.approval.keys import ALGORITHMS, SigningKey, registered_key
from pipeline.policy.models import Policy
from pipeline.record import Refusal

TYPE = "panlock-decision+jws"
MAX_BYTES = 16_384
_HEADER = {"alg", "kid", "typ"}


class _Pinned(JWSRegistry):
    """`EdDSA` is deprecated in favour of `Ed25519` (RFC 9864), but the same thing: no warning for it."""

    def get_alg(self, name: str) -> Any:  # joserfc does not export the type
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


def seal(key: SigningKey, payload: dict[str, object]) -> bytes:
    algorithm = ALGORITHMS[key.curve_name][0]
    header = {"alg": algorithm, "kid": key.thumbprint(), "typ": TYPE}
    body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
    return jws.serialize_compact(header, body, key, registry=_Pinned(algorithms=[algorithm])).encode()


def unseal(raw: bytes, policy: Policy) -> tuple[str, dict[str, object]] | Refusal:
    """(person, payload) of a message whose signature holds. Never raises, whatever the bytes."""
    if len(raw) > MAX_BYTES:
        return Refusal.BAD_SIGNATURE
    try:
        envelope = jws.extract_compact(raw)
        header = envelope.headers()
        if set(header) != _HEADER or header["typ"] != TYPE:
            return Refusal.BAD_SIGNATURE
        found = signer(header["kid"], policy)
        if found is None:
            return Refusal.UNKNOWN_KEY
        person, key = found
        jws.deserialize_compact(raw, key, registry=_Pinned(algorithms=ALGORITHMS[key.curve_name]))
        return person, _payload(envelope.payload)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        return Refusal.BAD_SIGNATURE


def signer(kid: object, policy: Policy) -> tuple[str, SigningKey] | None:
    """The one person who registered the key; a key of two people is nobody's."""
    found = _known.of(policy).get(str(kid), [])
    return found[0] if len({name for name, _ in found}) == 1 else None


class _Signers:
    """Keys by thumbprint, of one policy at a time: to import a key and take its thumbprint costs more than to verify
    a signature, and a worker has one policy."""

    def __init__(self) -> None:
        self._policy: Policy | None = None
        self._keys: dict[str, list[tuple[str, SigningKey]]] = {}

    def of(self, policy: Policy) -> dict[str, list[tuple[str, SigningKey]]]:
        if self._policy is not policy:
            keys: dict[str, list[tuple[str, SigningKey]]] = {}
            for name, person in policy.people.items():
                for jwk in person.keys:
                    if (key := registered_key(jwk)) is not None:
                        keys.setdefault(key.thumbprint(), []).append((name, key))
            self._policy, self._keys = policy, keys
        return self._keys


_known = _Signers()


def _payload(text: bytes) -> dict[str, object]:
    """Raises ValueError. A key twice is refused: what one reader signs, another must not read otherwise."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, object]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a key twice")
        return dict(pairs)

    payload = json.loads(text.decode(), object_pairs_hook=unique)
    if not isinstance(payload, dict) or payload.pop("v", None) != 1:
        raise ValueError("not a payload of version 1")
    return payload
