"""The issuer's signing keys: RSA, the newest signs, those before stay in the JWKS until it has four."""

from joserfc.jwk import RSAKey

PUBLISHED = 4


class SigningKeys:
    def __init__(self) -> None:
        self._keys: list[RSAKey] = []
        self.rotate()

    def rotate(self) -> str:
        """A new key signs from now on; returns its kid."""
        key = RSAKey.generate_key(2048)
        key.ensure_kid()
        self._keys = [key, *self._keys][:PUBLISHED]
        return str(key.kid)

    def forget(self) -> None:
        """All but the one that signs leave the JWKS."""
        self._keys = self._keys[:1]

    @property
    def current(self) -> RSAKey:
        return self._keys[0]

    def jwks(self) -> dict[str, list[dict[str, object]]]:
        return {
            "keys": [{**key.as_dict(private=False), "kid": key.kid, "use": "sig", "alg": "RS256"} for key in self._keys]
        }
