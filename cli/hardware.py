"""A person's key in a hardware module (PKCS#11): it signs there, and cannot be taken out.

person: {module: /usr/lib/opensc-pkcs11.so, token: ana, label: decisions}     # the PIN as a passphrase
"""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from cli.session.settings import Person
from pipeline.approval.envelope import MAX_BYTES, signing_input
from pipeline.approval.keys import SigningKey, registered_key
from pipeline.errors import PanlockError

if TYPE_CHECKING:
    import pkcs11

_COORDINATE = 32  # bytes of P-256's


class HardwareError(PanlockError):
    """The module, its token, the PIN or the key cannot be used."""


class HardwareKey:
    """A registered key that signs in its module; a Signatory. Opens the module anew for each signature."""

    most = MAX_BYTES

    def __init__(self, person: Person, pin: bytes) -> None:
        """Raises HardwareError."""
        self._person, self._pin = person, pin.decode(errors="replace")
        with self._session() as session:
            self.public = _public(self._key(session, "PUBLIC_KEY"))

    def thumbprint(self) -> str:
        return self.public.thumbprint()

    def seal(self, payload: dict[str, object]) -> bytes:
        """Raises HardwareError."""
        import pkcs11

        told = signing_input(self.public, payload)
        with self._session() as session:
            key = self._key(session, "PRIVATE_KEY")
            if self.public.curve_name == "Ed25519":
                signature = key.sign(told, mechanism=pkcs11.Mechanism.EDDSA)
            else:  # r and s as they are: what ES256 writes, too (RFC 7518, 3.4)
                signature = key.sign(hashlib.sha256(told).digest(), mechanism=pkcs11.Mechanism.ECDSA)
        return told + b"." + _base64url(signature)

    @contextmanager
    def _session(self) -> Iterator["pkcs11.Session"]:
        try:
            import pkcs11
        except ImportError as error:
            raise HardwareError("person.module needs python-pkcs11: `pip install panlock[hardware]`") from error
        where = f"token {self._person.token!r} of {self._person.module}"
        try:
            token = pkcs11.lib(str(self._person.module)).get_token(token_label=self._person.token)
            with token.open(user_pin=self._pin) as session:
                yield session
        except pkcs11.PinIncorrect as error:
            raise HardwareError(f"{where}: the PIN is wrong; after a few of those the token locks itself") from error
        except pkcs11.PKCS11Error as error:
            raise HardwareError(f"{where} cannot be used: {type(error).__name__} {error}".rstrip()) from error

    def _key(self, session: Any, kind: str) -> Any:
        """Raises HardwareError."""
        import pkcs11

        try:
            return session.get_key(object_class=pkcs11.ObjectClass[kind], label=self._person.label)
        except (pkcs11.NoSuchKey, pkcs11.MultipleObjectsReturned) as error:
            raise HardwareError(
                f"token {self._person.token!r} has no {kind.lower().replace('_', ' ')} labelled "
                f"{self._person.label!r}, or several"
            ) from error


def _public(key: Any) -> SigningKey:
    """Raises HardwareError."""
    import pkcs11

    curve = {pkcs11.KeyType.EC_EDWARDS: "Ed25519", pkcs11.KeyType.EC: "P-256"}.get(key.key_type)
    found = None if curve is None else registered_key(_jwk(curve, bytes(key[pkcs11.Attribute.EC_POINT])))
    if found is None:
        raise HardwareError("this kind of key signs no decisions: make an Ed25519 or P-256 key in the module")
    return found


def _jwk(curve: str, point: bytes) -> dict[str, str]:
    """`point`: a DER octet string, as PKCS#11 asks for; some modules leave the wrapping out."""
    if len(point) > 2 and point[0] == 4 and len(point) == point[1] + 2:
        point = point[2:]
    if curve == "Ed25519":
        return {"kty": "OKP", "crv": curve, "x": _base64url(point).decode()}
    x, y = point[1 : _COORDINATE + 1], point[_COORDINATE + 1 :]  # uncompressed: 04, x, y
    return {"kty": "EC", "crv": curve, "x": _base64url(x).decode(), "y": _base64url(y).decode()}


def _base64url(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")
