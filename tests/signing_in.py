"""Signing in at a real issuer, as a test needs it: both flows by hand, over TLS, without a browser."""

import base64
import hashlib
import json
import secrets
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REDIRECT = "http://127.0.0.1:9/callback"  # nobody listens there: the code is taken from the redirect


@dataclass(frozen=True)
class Site:
    """An issuer's endpoints, as its discovery document names them."""

    url: str
    ca: Path

    def get(self, url: str) -> Any:
        with urllib.request.urlopen(url, timeout=20, context=self.context) as answer:
            return json.load(answer)

    def post(self, url: str, **form: str) -> tuple[int, Any]:
        """(status, JSON)."""
        try:
            body = urllib.parse.urlencode(form).encode()
            with urllib.request.urlopen(url, body, timeout=20, context=self.context) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    @property
    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca))

    @property
    def discovery(self) -> dict[str, str]:
        return self.get(f"{self.url}/.well-known/openid-configuration")


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


def redirect_of(site: Site, url: str, **form: str) -> dict[str, str]:
    """The query of the address that the form's answer redirects to."""
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=site.context), _Stay)
    try:
        opener.open(url, urllib.parse.urlencode(form).encode(), timeout=20)
    except urllib.error.HTTPError as error:
        location = error.headers.get("Location") or ""
        return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))
    return {}


def by_code(site: Site, account: str, nonce: str, client: str = "panlock", **answers: str) -> str:
    """An ID token by authorization code and PKCE, from the development issuer."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = urllib.parse.urlencode(
        {
            "response_type": "code",
            "client_id": client,
            "redirect_uri": REDIRECT,
            "scope": "openid email groups",
            "state": "a",
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
    )
    form = {"account": account, "factors": "two", "answer": "yes", **answers}
    back = redirect_of(site, f"{site.discovery['authorization_endpoint']}?{query}", **form)
    assert back["state"] == "a" and back["iss"] == site.url
    grant = {"grant_type": "authorization_code", "code": back["code"], "code_verifier": verifier}
    status, token = site.post(site.discovery["token_endpoint"], client_id=client, redirect_uri=REDIRECT, **grant)
    assert status == 200, token
    return token["id_token"]


def by_device(site: Site, account: str, nonce: str, client: str = "panlock-device", **answers: str) -> str:
    """An ID token by the device flow: whoever has the code asks, `account` signs in."""
    status, code = site.post(
        site.discovery["device_authorization_endpoint"], client_id=client, scope="openid email groups", nonce=nonce
    )
    assert status == 200, code
    form = {"account": account, "factors": "two", "answer": "yes", "user_code": code["user_code"], **answers}
    body = urllib.parse.urlencode(form).encode()
    urllib.request.urlopen(code["verification_uri"], body, timeout=20, context=site.context).read()
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    end = time.monotonic() + 20
    while time.monotonic() < end:
        status, token = site.post(
            site.discovery["token_endpoint"], client_id=client, grant_type=grant, device_code=code["device_code"]
        )
        if status == 200:
            return token["id_token"]
        assert token["error"] == "authorization_pending", token
        time.sleep(0.2)
    raise AssertionError("no token by the device flow within 20 s")


def claims_of(token: str) -> dict[str, Any]:
    """Unverified."""
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
