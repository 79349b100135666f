"""Approvers' public keys: JWK (RFC 7517) of Ed25519 (RFC 8037) or P-256 (RFC 7518), without private parts."""

import base64
import binascii

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_COORDINATES = {("OKP", "Ed25519"): ("x",), ("EC", "P-256"): ("x", "y")}
_BESIDES = {"kid", "use", "alg"}  # harmless, and ignored: Panlock names keys by their RFC 7638 thumbprint
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def check_public_jwk(value: object) -> None:
    """Raises ValueError with a plain message that repeats no private part."""
    if not isinstance(value, dict) or not all(isinstance(part, str) for part in value.values()):
        raise ValueError("it is not a mapping of strings")
    if private := sorted(_PRIVATE & value.keys()):
        raise ValueError(f"it holds a private or secret part ({', '.join(private)}): that key must be thrown away now")
    kind = (value.get("kty", ""), value.get("crv", ""))
    if kind not in _COORDINATES:
        raise ValueError(f"kty {kind[0] or 'missing'} with crv {kind[1] or 'missing'} is not one that Panlock takes")
    names = _COORDINATES[kind]
    if strange := sorted(value.keys() - {"kty", "crv", *names, *_BESIDES}):
        raise ValueError(f"it has members that do not belong there ({', '.join(map(str, strange))})")
    numbers = [_coordinate(value, name) for name in names]
    if len(numbers) == 1:
        Ed25519PublicKey.from_public_bytes(numbers[0])
        return
    x, y = (int.from_bytes(number) for number in numbers)
    try:
        EllipticCurvePublicNumbers(x, y, SECP256R1()).public_key()
    except ValueError:
        raise ValueError("x and y are no point of P-256") from None


def _coordinate(value: dict[str, str], name: str) -> bytes:
    text = value.get(name, "")
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{name} is not base64url") from None
    if len(raw) != 32 or base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise ValueError(f"{name} is not 32 bytes in base64url without padding")
    return raw
