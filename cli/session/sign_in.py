"""Signing in at an issuer: authorization code with PKCE on a loopback redirect, or the device flow.

Authlib speaks OAuth; the ID token that comes back is verified as a worker will verify it. Access and refresh tokens
are of no use to Panlock, and are dropped where they come in.
"""

import asyncio
import ssl
import threading
import time
import warnings
import webbrowser
from collections.abc import Callable, Mapping

import httpx
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError

with warnings.catch_warnings():  # it imports its own deprecated authlib.jose, which is not used here
    warnings.simplefilter("ignore")
    from authlib.integrations.httpx_client import OAuth2Client

from agents.issuers.fetching import discover, signing_keys
from cli.session.held import Keeper, SessionError, Who
from cli.session.loopback import Loopback
from pipeline.approval.id_token import Session, binding, session_of
from pipeline.approval.keys import SigningKey, registered_key
from pipeline.policy.models import Issuer

LIMIT = 300.0  # seconds that a person has
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
TIMEOUT = 20.0  # seconds for an answer
Say = Callable[[str], None]


class SignIn:
    """One sign-in at one issuer for one keeper's new key. `scope`: openid, and what brings the claims."""

    def __init__(self, issuer: Issuer, context: ssl.SSLContext, scope: str, say: Say) -> None:
        self._issuer, self._context, self._scope, self._say = issuer, context, scope, say

    def by_code(self, keeper: Keeper, open_browser: bool) -> Who:
        """Raises SessionError, IssuerUnreachableError."""
        key, endpoints = _key_of(keeper), self._endpoints("authorization_endpoint", "token_endpoint")
        back, verifier = Loopback(), generate_token(64)
        with self._client(self._issuer.client_id or "", redirect_uri=back.redirect_uri) as client:
            url, state = client.create_authorization_url(
                endpoints["authorization_endpoint"], code_verifier=verifier, **self._asked(key)
            )
            self._say(f"sign in at\n  {url}")
            if open_browser:
                threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
            code = self._code(back.wait(state, LIMIT))
            token = _token(client, endpoints["token_endpoint"], code=code, code_verifier=verifier)
        return self._kept(token, keeper, key)

    def _code(self, answer: Mapping[str, str]) -> str:
        """Raises SessionError; also where another issuer answers than was asked (RFC 9207)."""
        if answer.get("iss", self._issuer.issuer) != self._issuer.issuer:
            raise SessionError(f"{answer['iss']} answered in the place of {self._issuer.issuer}")
        if "code" not in answer:
            raise SessionError(f"the issuer refuses: {answer.get('error', 'it gave no code')}")
        return answer["code"]

    def by_device(self, keeper: Keeper) -> Who:
        """Raises SessionError, IssuerUnreachableError."""
        if self._issuer.device_client_id is None:
            raise SessionError("the configuration names no device_client_id: the device flow has a client of its own")
        key, endpoints = _key_of(keeper), self._endpoints("device_authorization_endpoint", "token_endpoint")
        with self._client(self._issuer.device_client_id) as client:
            form = {"client_id": self._issuer.device_client_id, "scope": self._scope, "nonce": binding(key)}
            told = _json(client, endpoints["device_authorization_endpoint"], form)
            self._say(f"open {told['verification_uri']} and enter the code {told['user_code']}")
            token = self._poll(client, endpoints["token_endpoint"], told)
        return self._kept(token, keeper, key)

    def _poll(self, client: OAuth2Client, url: str, told: Mapping[str, object]) -> Mapping[str, object]:
        """RFC 8628, 3.5."""
        pause, deadline = float(str(told.get("interval", 5))), time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            time.sleep(pause)
            try:
                return _token(client, url, grant_type=DEVICE, device_code=told["device_code"])
            except _NotYetError as error:
                pause += 5 if error.slower else 0
        raise SessionError(f"nobody signed in within {LIMIT:.0f} s: `panlock login` again")

    def _asked(self, key: SigningKey) -> dict[str, str]:
        """A new sign-in, however long ago the last one was: it is `auth_time` that a session counts from."""
        asked = {"nonce": binding(key), "prompt": "login", "max_age": "60"}
        return asked | ({"acr_values": " ".join(self._issuer.acr)} if self._issuer.acr else {})

    def _client(self, client_id: str, **more: str) -> OAuth2Client:
        return OAuth2Client(
            client_id,
            scope=self._scope,
            token_endpoint_auth_method="none",  # noqa: S106  # a public client
            code_challenge_method="S256",
            verify=self._context,
            timeout=TIMEOUT,
            **more,
        )

    def _endpoints(self, *names: str) -> dict[str, str]:
        found = asyncio.run(discover(self._issuer.issuer, self._context))
        if missing := [name for name in names if name not in found]:
            raise SessionError(f"{self._issuer.issuer} has no {' and no '.join(missing)} under https")
        return found

    def _kept(self, token: Mapping[str, object], keeper: Keeper, key: SigningKey) -> Who:
        id_token = token.get("id_token")
        if not isinstance(id_token, str):
            raise SessionError(f"{self._issuer.issuer} gave no ID token: the client must ask for the scope openid")
        keys = asyncio.run(signing_keys(self._issuer.issuer, self._context))
        session = session_of(id_token, key, "", self._issuer, keys, time.time_ns() // 1_000_000)
        if not isinstance(session, Session):
            raise SessionError(
                f"the ID token of {self._issuer.issuer} would count for nothing: {session.value} (docs/reasons.md)"
            )
        until = session.auth_time + self._issuer.max_age_ms // 1000
        who = Who(session.person, tuple(sorted(session.roles)), session.acr, session.device, until)
        keeper.keep(id_token, who)
        return who


class _NotYetError(Exception):
    def __init__(self, slower: bool) -> None:
        self.slower = slower


def _key_of(keeper: Keeper) -> SigningKey:
    key = registered_key(keeper.public_jwk())
    if key is None:
        raise SessionError("the session's key is none: `panlock logout`, and again")
    return key


def _token(client: OAuth2Client, url: str, **request: object) -> Mapping[str, object]:
    """The token endpoint's answer. Raises SessionError with the issuer's error code, and nothing that it sent."""
    try:
        answer: Mapping[str, object] = client.fetch_token(url, **request)
        return answer
    except OAuthError as error:
        if error.error in ("authorization_pending", "slow_down"):
            raise _NotYetError(error.error == "slow_down") from None
        raise SessionError(f"the issuer refuses: {error.error}") from None
    except (httpx.HTTPError, ValueError) as error:
        raise SessionError(f"the issuer does not answer at {url} ({type(error).__name__})") from None


def _json(client: OAuth2Client, url: str, form: Mapping[str, str]) -> Mapping[str, object]:
    try:
        answer = client.request("POST", url, data=form, withhold_token=True)
        told: Mapping[str, object] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise SessionError(f"the issuer does not answer at {url} ({type(error).__name__})") from None
    if answer.status_code != 200 or not {"device_code", "user_code", "verification_uri"} <= set(told):
        raise SessionError(f"the issuer refuses the device flow: {told.get('error', answer.status_code)}")
    return told
