"""The signed envelope of what people say to Panlock: a compact JWS (RFC 7515), in one of two forms.

By a key that the policy registers:

    header   {"alg":"Ed25519","kid":"<RFC 7638 thumbprint>","typ":"panlock-decision+jws"}, nothing else
    payload  a JSON object with "v":1 and no key twice

By the key of a session, which an ID token binds to a person (pipeline.approval.id_token):

    header   {"alg":"Ed25519","jwk":{<public key>},"typ":"panlock-decision+jws"}, nothing else
    payload  the same, and "id_token": the issuer's, as a compact JWS

Algorithms are pinned by the key's curve (RFC 8725, 3.1): Ed25519 or EdDSA for Ed25519, ES256 for P-256. Who signed is
who registered the key, or whom the issuer names; never what a field of the payload says.
"""

import json
from base64 import urlsafe_b64encode
from typing import NamedTuple, Protocol

from joserfc import jws
from joserfc.errors import JoseError

from pipeline.approval.claims import read_object
from pipeline.approval.id_token import Observed, Session, read_session
from pipeline.approval.keys import ALGORITHMS, SigningKey, public_jwk, registered_key
from pipeline.approval.pinned import Pinned
from pipeline.policy.jwk import check_public_jwk
from pipeline.policy.models import Policy
from pipeline.record import Refusal

TYPE = "panlock-decision+jws"
MAX_BYTES = 16_384
MAX_SESSION_BYTES = 32_768  # with an ID token in it; an event holds it whole
_HEADER = {"alg", "kid", "typ"}
_SESSION_HEADER = {"alg", "jwk", "typ"}


class Signatory(Protocol):
    """Somebody's means to sign. `most`: bytes that a message of theirs may have."""

    @property
    def most(self) -> int: ...

    def seal(self, payload: dict[str, object]) -> bytes:
        """The payload as a message of theirs."""


class SessionKey:
    """Signs under a session: the key lives in this object alone."""

    most = MAX_SESSION_BYTES

    def __init__(self, key: SigningKey, id_token: str) -> None:
        self._key, self._id_token = key, id_token

    def seal(self, payload: dict[str, object]) -> bytes:
        return _sign(self._key, {"jwk": public_jwk(self._key)}, {**payload, "id_token": self._id_token})


class Opened(NamedTuple):
    """A message whose signature holds; `key`: RFC 7638 thumbprint; `session` where an issuer says who signed."""

    person: str
    key: str
    payload: dict[str, object]
    session: Session | None


def seal(key: SigningKey, payload: dict[str, object]) -> bytes:
    """By a registered key."""
    return _sign(key, {"kid": key.thumbprint()}, payload)


def signing_input(public: SigningKey, payload: dict[str, object]) -> bytes:
    """What a registered key elsewhere signs (RFC 7515, 5.1): with a point and the signature behind it, the message."""
    header = _header(public, {"kid": public.thumbprint()})
    parts = (json.dumps(header, separators=(",", ":")), _body(payload))
    return b".".join(urlsafe_b64encode(part.encode()).rstrip(b"=") for part in parts)


def _header(key: SigningKey, named: dict[str, object]) -> dict[str, object]:
    return {"alg": ALGORITHMS[key.curve_name][0], **named, "typ": TYPE}


def _body(payload: dict[str, object]) -> str:
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False)


def _sign(key: SigningKey, named: dict[str, object], payload: dict[str, object]) -> bytes:
    header = _header(key, named)
    registry = Pinned([str(header["alg"])])
    return jws.serialize_compact(header, _body(payload), key, registry=registry).encode()


def unseal(raw: bytes, policy: Policy, observed: Observed | None = None, received: int = 0) -> Opened | Refusal:
    """What was signed, and by whom. `observed`: the issuers' keys; `received`: its broker time in ms.

    Never raises, whatever the bytes.
    """
    if len(raw) > MAX_SESSION_BYTES:
        return Refusal.BAD_SIGNATURE
    try:
        header, payload = read_unverified(raw)
        if header["typ"] != TYPE:
            return Refusal.BAD_SIGNATURE
        if set(header) == _SESSION_HEADER:
            return _by_session(raw, header["jwk"], payload, policy, observed or {}, received)
        if set(header) != _HEADER or len(raw) > MAX_BYTES:
            return Refusal.BAD_SIGNATURE
        found = signer(header["kid"], policy)
        if found is None:
            return Refusal.UNKNOWN_KEY
        person, key = found
        jws.deserialize_compact(raw, key, registry=Pinned(ALGORITHMS[key.curve_name]))
        return Opened(person, str(header["kid"]), _versioned(payload), None)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        return Refusal.BAD_SIGNATURE


def read_unverified(raw: bytes) -> tuple[dict[str, object], dict[str, object]]:
    """(header, payload). Raises JoseError, ValueError, TypeError, RecursionError."""
    envelope = jws.extract_compact(raw)
    return dict(envelope.headers()), read_object(envelope.payload)


def _by_session(
    raw: bytes, jwk: object, payload: dict[str, object], policy: Policy, observed: Observed, received: int
) -> Opened | Refusal:
    """First that the key signed it, then that the issuer says whose key it is."""
    check_public_jwk(jwk)
    key = registered_key(jwk) if isinstance(jwk, dict) else None
    token = payload.pop("id_token", None)
    if key is None or not isinstance(token, str):
        return Refusal.BAD_SIGNATURE
    jws.deserialize_compact(raw, key, registry=Pinned(ALGORITHMS[key.curve_name]))
    session = read_session(token, key, policy, observed, received)
    if isinstance(session, Refusal):
        return session
    return Opened(session.person, key.thumbprint(), _versioned(payload), session)


def _versioned(payload: dict[str, object]) -> dict[str, object]:
    """Raises ValueError."""
    if payload.pop("v", None) != 1:
        raise ValueError("not a payload of version 1")
    return payload


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
