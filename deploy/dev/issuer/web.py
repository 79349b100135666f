"""The development issuer's pages and endpoints over HTTP.

GET  /.well-known/openid-configuration   GET  /jwks
GET  /authorize  sign-in page            POST /authorize  account, factors, answer -> redirect with the code
POST /device-authorization               GET, POST /device  user_code, account, factors, answer
POST /token
POST /development/rotate-keys            a new signing key; `forget=1`: the former ones leave the JWKS at once
"""

import time
from collections.abc import Mapping

from aiohttp import web
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749.errors import OAuth2Error

from deploy.dev.issuer.accounts import FACTORS, Account
from deploy.dev.issuer.grants import SignedIn
from deploy.dev.issuer.pages import page, sign_in, user_code
from deploy.dev.issuer.provider import Answer, Asked, Provider


class IssuerWeb:
    def __init__(self, provider: Provider, accounts: Mapping[str, Account]) -> None:
        self.provider, self.accounts = provider, accounts

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 << 10)
        app.add_routes(
            [
                web.get("/.well-known/openid-configuration", self._discovery),
                web.get("/jwks", self._jwks),
                web.get("/authorize", self._authorize_page),
                web.post("/authorize", self._authorize),
                web.post("/device-authorization", self._device_authorization),
                web.get("/device", self._device_page),
                web.post("/device", self._device),
                web.post("/token", self._token),
                web.post("/development/rotate-keys", self._rotate),
            ]
        )
        return app

    async def _discovery(self, request: web.Request) -> web.Response:
        return web.json_response(self.provider.discovery())

    async def _jwks(self, request: web.Request) -> web.Response:
        return web.json_response(self.provider.keys.jwks(), headers={"Cache-Control": "public, max-age=600"})

    async def _authorize_page(self, request: web.Request) -> web.Response:
        try:
            self.provider.get_consent_grant(await _asked(request))
        except OAuth2Error as error:
            return _html(page(f"<h1>Not a request that this issuer takes</h1><p>{error.error}</p>"), 400)
        return _html(sign_in("Sign in", self.accounts, request.query.items()))

    async def _authorize(self, request: web.Request) -> web.Response:
        asked = await _asked(request)
        try:
            grant = self.provider.get_consent_grant(asked)
        except OAuth2Error as error:
            return _html(page(f"<h1>Not a request that this issuer takes</h1><p>{error.error}</p>"), 400)
        answer = self.provider.create_authorization_response(asked, self._signed_in(asked.form), grant)
        if location := answer.headers.get("Location"):
            answer.headers["Location"] = add_params_to_uri(location, [("iss", self.provider.issuer)])  # RFC 9207
        return _response(answer)

    async def _device_authorization(self, request: web.Request) -> web.Response:
        asked = await _asked(request)
        return _response(self.provider.create_endpoint_response("device_authorization", asked))

    async def _device_page(self, request: web.Request) -> web.Response:
        code = user_code(request.query.get("user_code", ""))
        return _html(sign_in("Sign in on a device that shows this code", self.accounts, (), code))

    async def _device(self, request: web.Request) -> web.Response:
        form = (await _asked(request)).form
        code, person = form.get("user_code", ""), self._signed_in(form)
        if not self.provider.waiting(code):
            return _html(page("<h1>No device shows this code</h1>"), 400)
        if form.get("account") not in self.accounts:
            return _html(page("<h1>No such account</h1>"), 400)
        someone = person or SignedIn(self.accounts[form["account"]], 0, "one")
        self.provider.granted[code] = someone, person is not None
        return _html(page("<h1>The device goes on</h1>" if person else "<h1>Refused</h1>"))

    async def _token(self, request: web.Request) -> web.Response:
        return _response(self.provider.create_token_response(await _asked(request)))

    async def _rotate(self, request: web.Request) -> web.Response:
        kid = self.provider.keys.rotate()
        if (await _asked(request)).form.get("forget"):
            self.provider.keys.forget()
        return web.json_response({"kid": kid})

    def _signed_in(self, form: Mapping[str, str]) -> SignedIn | None:
        """None where they refuse. `ago`: seconds since they signed in, for tests of an old session."""
        account = self.accounts.get(form.get("account", ""))
        if account is None or form.get("answer") != "yes":
            return None
        factors = form.get("factors", "one")
        ago = form.get("ago", "0")
        when = int(time.time()) - (int(ago) if ago.isdigit() else 0)
        return SignedIn(account, when, factors if factors in FACTORS else "one")


async def _asked(request: web.Request) -> Asked:
    form = {name: str(value) for name, value in (await request.post()).items()}
    return Asked(request.method, str(request.url), {**request.query, **form}, form)


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, body=answer.body, headers=answer.headers)


def _html(text: str, status: int = 200) -> web.Response:
    policy = "default-src 'none'; style-src 'unsafe-inline'; form-action *; frame-ancestors 'none'"
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)
