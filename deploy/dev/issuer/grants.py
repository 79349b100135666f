"""Authlib's server grants on dictionaries: authorization code with PKCE and nonce, and the device flow."""

import time
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint, DeviceCodeGrant, DeviceCredentialDict
from authlib.oidc.core import AuthorizationCodeMixin, OpenIDCode, UserInfo
from authlib.oidc.core.grants.code import OpenIDToken

from deploy.dev.issuer.accounts import FACTORS, Account

CODE_LIFE, DEVICE_LIFE, TOKEN_LIFE = 60, 300, 300  # seconds


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person has signed in: when (seconds since 1970), and with how many factors."""

    account: Account
    auth_time: int
    factors: str

    def claims(self, flow: str) -> dict[str, object]:
        acr, amr = FACTORS[self.factors]
        return {**self.account.claims(), "auth_time": self.auth_time, "acr": acr, "amr": amr, "panlock_flow": flow}


@dataclass(frozen=True, slots=True)
class Code(AuthorizationCodeMixin):  # type: ignore[misc]  # Authlib has no types
    client_id: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code: str
    code_challenge: str
    code_challenge_method: str
    user: SignedIn
    expires: float

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.user.auth_time


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    """A code is good for one use, and for a minute."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

    def save_authorization_code(self, code: str, request: Any) -> None:
        data = request.payload.data
        self.server.codes[code] = Code(
            request.client.client_id,
            request.payload.redirect_uri,
            request.scope,
            data.get("nonce"),
            code,
            data["code_challenge"],
            data.get("code_challenge_method", "plain"),
            request.user,
            time.monotonic() + CODE_LIFE,
        )

    def query_authorization_code(self, code: str, client: Any) -> Code | None:
        found: Code | None = self.server.codes.pop(code, None)
        if found is None or found.client_id != client.client_id or found.expires < time.monotonic():
            return None
        return found

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """It is gone since it was asked for."""

    def authenticate_user(self, authorization_code: Code) -> SignedIn:
        return authorization_code.user


class S256(CodeChallenge):  # type: ignore[misc]
    """PKCE with S256, or nothing (RFC 9700, 2.1.1)."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        from authlib.oauth2.rfc6749.errors import InvalidRequestError

        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("a code_challenge of method S256 is required")
        super().validate_code_challenge(grant, redirect_uri)


class _IdToken:
    """What ID tokens of both flows have in common; mixed into Authlib's classes."""

    flow = ""

    def resolve_client_private_key(self, client: Any) -> Any:
        return self.server.keys.current  # type: ignore[attr-defined]

    def get_encode_header(self, client: Any) -> dict[str, str]:
        return {"alg": client.id_token_signed_response_alg, "kid": self.server.keys.current.kid}  # type: ignore[attr-defined]

    def get_client_claims(self, client: Any) -> dict[str, object]:
        now = int(time.time())
        issuer = self.server.issuer  # type: ignore[attr-defined]
        return {"iss": issuer, "aud": client.client_id, "azp": client.client_id, "iat": now, "exp": now + TOKEN_LIFE}

    def generate_user_info(self, user: SignedIn, scope: str) -> UserInfo:
        return UserInfo(user.claims(self.flow))


class CodeIdToken(_IdToken, OpenIDCode):  # type: ignore[misc]
    flow = "code"

    def __init__(self, server: Any) -> None:
        super().__init__(require_nonce=False)
        self.server = server

    def exists_nonce(self, nonce: str, request: Any) -> bool:
        return False  # who signs in again with the same key has the same one


class DeviceIdToken(_IdToken, OpenIDToken):  # type: ignore[misc]
    """The device authorization request's nonce goes into the ID token, as Keycloak does it."""

    flow = "device"

    def __init__(self, server: Any) -> None:
        self.server = server

    def get_compatible_claims(self, request: Any) -> dict[str, object]:
        claims: dict[str, object] = super().get_compatible_claims(request)
        nonce = request.credential.get_nonce()
        return claims if nonce is None else {**claims, "nonce": nonce}

    def process_token(self, grant: Any, response: Any) -> Any:
        _, token, _ = response
        token["id_token"] = self.encode_id_token(token, grant.request)
        return token


class DeviceGrant(DeviceCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

    def query_device_credential(self, device_code: str) -> DeviceCredentialDict | None:
        return self.server.devices.get(device_code)

    def query_user_grant(self, user_code: str) -> tuple[SignedIn, bool] | None:
        return self.server.granted.get(user_code)  # type: ignore[no-any-return]

    def should_slow_down(self, credential: DeviceCredentialDict) -> bool:
        return False


class DeviceEndpoint(DeviceAuthorizationEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = ("none",)
    EXPIRES_IN, INTERVAL = DEVICE_LIFE, 1

    def create_endpoint_response(self, request: Any) -> Any:
        from authlib.oauth2.rfc6749.errors import UnauthorizedClientError

        if not self.authenticate_client(request).check_grant_type(DeviceCodeGrant.GRANT_TYPE):
            raise UnauthorizedClientError("this client may not use the device flow")
        self._nonce = request.payload.data.get("nonce")
        return super().create_endpoint_response(request)

    def get_verification_uri(self) -> str:
        return f"{self.server.issuer}/device"

    def save_device_credential(self, client_id: str, scope: str, data: dict[str, Any]) -> None:
        self.server.devices[data["device_code"]] = DeviceCredentialDict(
            client_id=client_id,
            scope=scope,
            user_code=data["user_code"],
            nonce=self._nonce,
            expires_at=time.time() + DEVICE_LIFE,
        )
