"""The provider itself: Authlib's authorization server with its codes, device codes and keys in memory."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from authlib.common.security import generate_token
from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Payload, OAuth2Request
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc8628 import DeviceCredentialDict

from deploy.dev.issuer.clients import CLIENTS, SCOPES, Client
from deploy.dev.issuer.grants import (
    S256,
    TOKEN_LIFE,
    Code,
    CodeGrant,
    CodeIdToken,
    DeviceEndpoint,
    DeviceGrant,
    DeviceIdToken,
    SignedIn,
)
from deploy.dev.issuer.services import METHOD, PrivateKeyJwt, Service, ServiceGrant
from deploy.dev.issuer.signing_keys import SigningKeys


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: dict[str, str]


class Asked(NamedTuple):
    """An HTTP request as Authlib needs it; `values`: of the query and of the form."""

    method: str
    uri: str
    values: Mapping[str, str]
    form: Mapping[str, str]


class _Payload(OAuth2Payload):  # type: ignore[misc]  # Authlib has no types
    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    @property
    def data(self) -> Mapping[str, str]:
        return self._values

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return defaultdict(list, {name: [value] for name, value in self._values.items()})


class _Request(OAuth2Request):  # type: ignore[misc]
    def __init__(self, asked: Asked) -> None:
        super().__init__(asked.method, asked.uri)
        self.payload, self._form = _Payload(asked.values), asked.form

    @property
    def form(self) -> Mapping[str, str]:
        return self._form


class Provider(AuthorizationServer):  # type: ignore[misc]
    """`issuer`: its URL, without a slash at the end; `services`: programs, by client id."""

    def __init__(self, issuer: str, services: Mapping[str, Service]) -> None:
        super().__init__(scopes_supported=list(SCOPES))
        self.issuer, self.keys, self._services = issuer, SigningKeys(), services
        self.codes: dict[str, Code] = {}
        self.devices: dict[str, DeviceCredentialDict] = {}
        self.granted: dict[str, tuple[SignedIn, bool]] = {}
        self.register_token_generator("default", BearerTokenGenerator(self._access_token, None, self._life))
        self.register_client_auth_method(METHOD, PrivateKeyJwt(issuer))
        self.register_grant(ServiceGrant)
        self.register_grant(CodeGrant, [S256(required=True), CodeIdToken(self)])
        self.register_grant(DeviceGrant, [DeviceIdToken(self)])
        self.register_endpoint(DeviceEndpoint(self))

    def discovery(self) -> dict[str, object]:
        """OpenID Connect Discovery 1.0, RFC 8414, RFC 8628."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "device_authorization_endpoint": f"{self.issuer}/device-authorization",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "grant_types_supported": [CodeGrant.GRANT_TYPE, DeviceGrant.GRANT_TYPE, ServiceGrant.GRANT_TYPE],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["none", METHOD],
            "token_endpoint_auth_signing_alg_values_supported": ["ES256", "Ed25519", "RS256"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": list(SCOPES),
            "authorization_response_iss_parameter_supported": True,
        }

    def waiting(self, user_code: str) -> bool:
        return any(each.get_user_code() == user_code and not each.is_expired() for each in self.devices.values())

    def query_client(self, client_id: str) -> Client | Service | None:
        return CLIENTS.get(client_id) or self._services.get(client_id)

    def _access_token(self, client: Client | Service, **_: object) -> str:
        """Nothing is behind a person's: there is no userinfo."""
        return (
            client.access_token(self.issuer, self.keys.current) if isinstance(client, Service) else generate_token(42)
        )

    def _life(self, client: Client | Service, grant_type: str) -> int:
        return client.life if isinstance(client, Service) else TOKEN_LIFE

    def save_token(self, token: Mapping[str, Any], request: Any) -> None:
        """Nothing is kept."""

    def create_oauth2_request(self, request: Asked) -> _Request:
        return request if isinstance(request, _Request) else _Request(request)

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def handle_response(self, status: int, body: Any, headers: Any) -> Answer:
        raw = orjson.dumps(body) if isinstance(body, dict) else str(body).encode()
        return Answer(status, raw, dict(headers))
