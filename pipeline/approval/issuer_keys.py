"""An issuer's JWKS (RFC 7517) as Panlock uses it: its signing keys' public parts, and nothing else of what it said.

`sha256` names a snapshot: of the canonical JSON (RFC 8785) of the list of keys, ordered by kid, each with the members
kty, kid, alg (where the issuer gives it), and n, e | crv, x, y. Events hold that list, so that an auditor has the keys.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from pipeline.approval.claims import read_object
from pipeline.audit import canonical
from pipeline.errors import PanlockError

Key = RSAKey | ECKey | OKPKey

MAX_KEYS = 20  # more than any issuer rotates through at a time; bounds an event
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 8192  # NIST SP 800-131A; beyond, one check costs milliseconds
_MEMBERS = ("kty", "kid", "alg", "n", "e", "crv", "x", "y")
_KINDS = {
    "RS256": ("RSA", None), "RS384": ("RSA", None), "RS512": ("RSA", None),
    "PS256": ("RSA", None), "PS384": ("RSA", None), "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"), "ES384": ("EC", "P-384"), "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"), "Ed25519": ("OKP", "Ed25519"),
}  # fmt: skip


class IssuerKeysError(PanlockError):
    """What an issuer gave is no set of signing keys."""


@dataclass(frozen=True, slots=True)
class IssuerKeys:
    """`jwks`: what events hold, ordered by kid; `sha256`: its name, hex.

    `current`: whether they were fetched since a key was asked for that is not among them.
    """

    jwks: tuple[dict[str, str], ...]
    sha256: str
    _keys: Mapping[str, Key] = field(repr=False, compare=False)
    current: bool = field(default=True, compare=False)

    @classmethod
    def parse(cls, raw: bytes) -> "IssuerKeys":
        """Of a JWKS document. Raises IssuerKeysError."""
        try:
            entries = read_object(raw)["keys"]
        except (ValueError, KeyError, RecursionError) as error:
            raise IssuerKeysError("the issuer's answer is no JWKS (RFC 7517): see what `jwks_uri` serves") from error
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise IssuerKeysError("the issuer's answer is no JWKS (RFC 7517): `keys` is no list of objects")
        return cls.of([entry for entry in entries if entry.get("use", "sig") == "sig"])

    @classmethod
    def of(cls, entries: list[dict[str, object]]) -> "IssuerKeys":
        """Keys that cannot sign an ID token are left out; an event's list gives the same. Raises IssuerKeysError."""
        if len(entries) > MAX_KEYS:
            raise IssuerKeysError(f"the issuer has {len(entries)} signing keys: at most {MAX_KEYS} are looked at")
        found: dict[str, tuple[dict[str, str], Key]] = {}
        for entry in entries:
            jwk = {name: str(entry[name]) for name in _MEMBERS if isinstance(entry.get(name), str)}
            key = _key(jwk)
            if key is None:
                continue
            if jwk["kid"] in found:
                raise IssuerKeysError("the issuer gives two keys one kid: which of them signs cannot be told")
            found[jwk["kid"]] = jwk, key
        if not found:
            raise IssuerKeysError("the issuer has no signing key that Panlock takes: RSA of 2,048 bits, EC or Ed25519")
        jwks = tuple(found[kid][0] for kid in sorted(found))
        digest = hashlib.sha256(canonical.encode(list(jwks))).hexdigest()
        return cls(jwks, digest, {kid: key for kid, (_, key) in found.items()})

    def __contains__(self, kid: str) -> bool:
        return kid in self._keys

    def key(self, kid: str, algorithm: str) -> Key | None:
        """The key of that kid, if it is of the algorithm's kind."""
        key = self._keys.get(kid)
        if key is None:
            return None
        jwk = next(each for each in self.jwks if each["kid"] == kid)
        kind, curve = _KINDS.get(algorithm, ("", None))
        fits = jwk["kty"] == kind and (curve is None or jwk.get("crv") == curve)
        return key if fits and jwk.get("alg", algorithm) == algorithm else None


def _key(jwk: dict[str, str]) -> Key | None:
    if not jwk.get("kid") or len(jwk["kid"]) > 256 or jwk.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    try:
        key = import_key({name: value for name, value in jwk.items() if name not in ("kid", "alg")})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, RSAKey):
        return key if MIN_RSA_BITS <= key.raw_value.key_size <= MAX_RSA_BITS else None
    return key if isinstance(key, ECKey | OKPKey) else None
