"""An ID token (OpenID Connect Core 1.0, 2) that binds a person to the key of their session.

The key's holder proves it by a nonce that the issuer signs without knowing what it is:

    nonce = base64url(SHA-256("panlock-approver-v1" || base64url RFC 7638 thumbprint of the session's public key))

What is signed under the session counts by the broker's clock: from 60 s before the token's iat (clocks differ) until
auth_time + max_age. That stands in for `exp`, which says how long a token is fresh for sign-in, not for a decision.
"""

import hashlib
import hmac
import unicodedata
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace

from joserfc import jws
from joserfc.errors import JoseError

from pipeline.approval.claims import read_object
from pipeline.approval.issuer_keys import IssuerKeys
from pipeline.approval.keys import SigningKey
from pipeline.approval.pinned import Pinned
from pipeline.approval.said import masked
from pipeline.policy.models import Issuer, Policy
from pipeline.record import Refusal

DOMAIN = b"panlock-approver-v1"
EARLY_MS = 60_000  # how far the issuer's clock may be ahead of the broker's
MAX_TOKEN, MAX_GROUPS, MAX_PERSON = 16_384, 1_000, 254  # bytes; entries; characters
Observed = Mapping[str, IssuerKeys]  # by the issuer's alias


@dataclass(frozen=True, slots=True)
class Session:
    """Who signed, as their issuer says it. `issuer`: its alias; `auth_time` in seconds; `keys`: the JWKS snapshot.

    `device`: they signed in by the device flow, which a stranger can start.
    """

    person: str
    issuer: str
    roles: frozenset[str]
    auth_time: int
    acr: str | None
    device: bool
    keys: str


def binding(key: SigningKey) -> str:
    """The nonce that binds an ID token to the session's key."""
    return urlsafe_b64encode(hashlib.sha256(DOMAIN + key.thumbprint().encode()).digest()).rstrip(b"=").decode()


def issuer_and_kid(token: str, policy: Policy) -> tuple[str, str] | None:
    """(alias, kid) that a token claims, unverified: which keys are to be had before it can be looked at."""
    parsed = _parse(token)
    if parsed is None:
        return None
    header, claims = parsed
    alias, kid = _alias(claims.get("iss"), policy), header.get("kid")
    return None if alias is None or not isinstance(kid, str) else (alias, kid)


def read_session(token: str, key: SigningKey, policy: Policy, observed: Observed, received: int) -> Session | Refusal:
    """`received`: the message's broker time in ms. Never raises, whatever the token."""
    claimed = issuer_and_kid(token, policy)
    if claimed is None:
        return Refusal.TOKEN_INVALID
    alias, _ = claimed
    keys = observed.get(alias)
    if keys is None:
        return Refusal.ISSUER_UNREACHABLE
    session = session_of(token, key, alias, policy.issuers[alias], keys, received)
    return session if isinstance(session, Refusal) else replace(session, person=_spelt(session.person, policy))


def session_of(
    token: str, key: SigningKey, alias: str, issuer: Issuer, keys: IssuerKeys, received: int
) -> Session | Refusal:
    """The session that a token of this issuer gives to the key's holder. Never raises, whatever the token."""
    parsed = _parse(token)
    if parsed is None or parsed[1].get("iss") != issuer.issuer or not isinstance(kid := parsed[0].get("kid"), str):
        return Refusal.TOKEN_INVALID
    if kid not in keys:
        return Refusal.UNKNOWN_KEY if keys.current else Refusal.ISSUER_UNREACHABLE
    claims = _verified(token, issuer, keys, kid)
    return Refusal.TOKEN_INVALID if claims is None else _session(claims, key, alias, issuer, keys.sha256, received)


def _session(
    claims: dict[str, object], key: SigningKey, alias: str, issuer: Issuer, keys: str, received: int
) -> Session | Refusal:
    audience, person, groups = _audience(claims), _person(claims, issuer), claims.get(issuer.groups_claim)
    iat, auth_time = claims.get("iat"), claims.get("auth_time")
    if audience not in (issuer.client_id, issuer.device_client_id) or audience is None or person is None:
        return Refusal.TOKEN_INVALID
    if type(iat) is not int or type(auth_time) is not int or not _are_groups(groups):
        return Refusal.TOKEN_INVALID
    if not hmac.compare_digest(str(claims.get("nonce")).encode(), binding(key).encode()):
        return Refusal.TOKEN_UNBOUND
    if not iat * 1000 - EARLY_MS <= received <= auth_time * 1000 + issuer.max_age_ms:
        return Refusal.TOKEN_STALE
    acr = claims.get("acr")
    if issuer.acr and acr not in issuer.acr:
        return Refusal.WEAK_SIGN_IN
    roles = frozenset(str(group) for group in groups) if isinstance(groups, list) else frozenset[str]()
    shown = acr if isinstance(acr, str) and acr.isprintable() and len(acr) <= MAX_PERSON else None
    return Session(person, alias, roles, auth_time, shown, audience == issuer.device_client_id, keys)


def _verified(token: str, issuer: Issuer, keys: IssuerKeys, kid: str) -> dict[str, object] | None:
    """The claims, if one of the pinned algorithms holds under the issuer's key of that kid."""
    parsed = _parse(token)
    if parsed is None:
        return None
    header, claims = parsed
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in issuer.algorithms or "crit" in header:
        return None
    key = keys.key(kid, algorithm)
    if key is None:
        return None
    try:
        jws.deserialize_compact(token, key, registry=Pinned([algorithm], strict=False))
    except (JoseError, ValueError, TypeError):
        return None
    return claims


def _parse(token: str) -> tuple[dict[str, object], dict[str, object]] | None:
    """(header, claims), unverified."""
    if len(token) > MAX_TOKEN or not token.isascii():
        return None
    try:
        found = jws.extract_compact(token.encode())
        return dict(found.headers()), read_object(found.payload)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _alias(issuer: object, policy: Policy) -> str | None:
    return next((alias for alias, each in policy.sign_ins.items() if each.issuer == issuer), None)


def _audience(claims: dict[str, object]) -> str | None:
    """The one audience; a token for others, too, could have been got by one of them."""
    audience, party = claims.get("aud"), claims.get("azp")
    if isinstance(audience, list):
        audience = audience[0] if len(audience) == 1 else None
    if not isinstance(audience, str) or (party is not None and party != audience):
        return None
    return audience


def _person(claims: dict[str, object], issuer: Issuer) -> str | None:
    """An address that the issuer has not verified names nobody."""
    name = claims.get(issuer.person_claim)
    if not isinstance(name, str) or not 0 < len(name) <= MAX_PERSON or unicodedata.normalize("NFKC", name) != name:
        return None
    if not name.isprintable() or any(letter.isspace() for letter in name) or masked(name) != name:
        return None
    if issuer.person_claim == "email" and claims.get("email_verified", True) is not True:
        return None
    return name


def _spelt(name: str, policy: Policy) -> str:
    """As the policy spells them, where it names them."""
    named = {*policy.people, *(owner for each in policy.principals.values() for owner in each.owners)}
    return next((each for each in sorted(named) if each.casefold() == name.casefold()), name)


def _are_groups(groups: object) -> bool:
    """A list of names, or none at all: then they have no role."""
    if groups is None:
        return True
    return isinstance(groups, list) and len(groups) <= MAX_GROUPS and all(isinstance(each, str) for each in groups)
