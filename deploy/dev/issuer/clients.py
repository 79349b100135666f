"""The public clients of the development issuer: one for each flow, so that a token's audience names its flow."""

import re
from dataclasses import dataclass

from authlib.oauth2.rfc6749 import ClientMixin
from authlib.oauth2.rfc8628 import DEVICE_CODE_GRANT_TYPE

_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|\[::1\]):[0-9]{1,5}/[a-z-]*")  # any port: RFC 8252, 7.3


@dataclass(frozen=True, slots=True)
class Client(ClientMixin):  # type: ignore[misc]  # Authlib has no types
    client_id: str
    grant: str
    id_token_signed_response_alg: str = "RS256"  # noqa: S105  # an algorithm, as Authlib names the attribute

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str | None) -> str:
        return " ".join(each for each in (scope or "").split() if each in SCOPES)

    def check_redirect_uri(self, uri: str) -> bool:
        return _LOOPBACK.fullmatch(uri) is not None

    def check_client_secret(self, secret: str) -> bool:
        return False

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "none"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and self.grant == "authorization_code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == self.grant


SCOPES = ("openid", "email", "profile", "groups")
CLIENTS = {
    client.client_id: client
    for client in (
        Client("panlock", "authorization_code"),
        Client("panlock-device", DEVICE_CODE_GRANT_TYPE),
        Client("another-application", "authorization_code"),
    )
}
