"""Programs that get access tokens at the development issuer: client credentials under private_key_jwt (RFC 7523).

    batch: {keys: [{kty: EC, crv: P-256, x: …, y: …}], audience: kafka, life: 300}

A file of such entries names them by their client id.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from authlib.common.security import generate_token
from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc6749.errors import InvalidClientError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey, import_key
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pipeline.errors import PanlockError

METHOD = "private_key_jwt"


class ServicesError(PanlockError):
    """A file of services that cannot be used."""


class Service(BaseModel, ClientMixin):  # type: ignore[misc]  # Authlib has no types
    """`audience` and `life` (seconds) of its access tokens; `claims` stand over what the issuer says: for attacks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: Annotated[tuple[dict[str, str], ...], Field(min_length=1)]
    audience: str
    life: int = 300
    claims: dict[str, str | int] = {}
    client_id: Annotated[str, Field(exclude=True)] = ""

    def access_token(self, issuer: str, key: RSAKey) -> str:
        """A JWT (RFC 9068)."""
        now = int(time.time())
        said: dict[str, Any] = {
            "iss": issuer,
            "sub": self.client_id,
            "aud": self.audience,
            "client_id": self.client_id,
            "iat": now,
            "exp": now + self.life,
            "jti": generate_token(22),
        }
        return jwt.encode({"alg": "RS256", "kid": key.kid, "typ": "at+jwt"}, {**said, **self.claims}, key)

    def get_client_id(self) -> str:
        return self.client_id

    def get_allowed_scope(self, scope: str | None) -> str:
        return ""

    def check_client_secret(self, secret: str) -> bool:
        return False

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == METHOD

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == str(ClientCredentialsGrant.GRANT_TYPE)


class ServiceGrant(ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = (METHOD,)


class PrivateKeyJwt(JWTBearerClientAssertion):  # type: ignore[misc]
    """A client proves itself by a signature over who it is and for whom; each proof counts once."""

    CLIENT_AUTH_METHOD = METHOD

    def __init__(self, issuer: str) -> None:
        super().__init__()
        self._audiences, self._seen = [issuer, f"{issuer}/token"], set[tuple[str, str]]()

    def get_audiences(self) -> list[str]:
        return self._audiences

    def validate_jti(self, claims: Mapping[str, Any], jti: str) -> bool:
        proof = str(claims["sub"]), jti
        fresh = proof not in self._seen
        self._seen.add(proof)
        return fresh

    def resolve_client_public_key(self, client: object) -> KeySet:
        if not isinstance(client, Service):
            raise InvalidClientError(description="this client has no key")
        return KeySet([import_key(dict(key)) for key in client.keys])


def load_services(file: Path) -> dict[str, Service]:
    """By client id. Raises ServicesError."""
    try:
        found = TypeAdapter(dict[str, Service]).validate_python(yaml.safe_load(file.read_text()))
    except OSError as error:
        raise ServicesError(f"{file}: {error.strerror}: name a file of services") from error
    except (yaml.YAMLError, ValidationError) as error:
        raise ServicesError(
            f"{file}: is no file of services, as `batch: {{keys: […], audience: …}}`: {error}"
        ) from error
    return {name: service.model_copy(update={"client_id": name}) for name, service in found.items()}
