"""A worker and what it is told where its issuer should be: over TLS, bounded, and never trusted when in doubt."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from agents.issuers import fetching, observer
from agents.issuers.fetching import IssuerUnreachableError, discover, issuer_context, signing_keys
from agents.issuers.observer import IssuerObserver
from deploy.dev.ca import DevelopmentCA
from deploy.dev.ports import free_ports
from pipeline.approval.issuer_keys import IssuerKeysError
from pipeline.policy import parse_policy
from tests.sessions import ISSUER, KEY, POLICY, STRANGER, jwks

Page = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site:
    """A TLS server that answers as a test wants; counts what it was asked."""

    def __init__(self, directory: Path) -> None:
        self.ca = DevelopmentCA(directory / "ca")
        self.port = free_ports(1)[0]
        self.url = f"https://127.0.0.1:{self.port}"
        self.context = issuer_context(self.ca.certificate)
        self.asked: list[str] = []
        self.keys: bytes | Page = jwks()
        self.document: Any = {"issuer": self.url, "jwks_uri": f"{self.url}/jwks"}
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.add_routes([web.get("/{path:.*}", self._answer)])
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        leaf = self.ca.issue("issuer", host=True)
        import ssl

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(leaf.certificate, leaf.key)
        await web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=context).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if request.path.endswith("/openid-configuration"):
            return web.Response(body=self.document if isinstance(self.document, bytes) else json.dumps(self.document))
        return web.Response(body=self.keys) if isinstance(self.keys, bytes) else await self.keys(request)

    def observer(self) -> IssuerObserver:
        return IssuerObserver(parse_policy(POLICY.replace(ISSUER, self.url), "policy.yaml"), self.context)


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    for name, value in (("COOL_DOWN", 0.4), ("RETRY", 0.1), ("PATIENCE", 1.5)):
        monkeypatch.setattr(observer, name, value)
    monkeypatch.setattr(fetching, "DEADLINE", 0.7)
    made = Site(tmp_path)
    await made.start()
    yield made
    await made.stop()


async def huge(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(10_000):  # who asked has gone long before: the handler is cancelled
        await answer.write(b" " * 65_536)
    return answer


async def slow(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(40):
        await answer.write(b" ")
        await asyncio.sleep(0.1)
    return answer


async def elsewhere(request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("/other-jwks")


async def failing(request: web.Request) -> web.StreamResponse:
    raise web.HTTPInternalServerError


@pytest.mark.parametrize(("answer", "words"), [
    (huge, "256 KiB"), (slow, "TimeoutError"), (elsewhere, "302"), (failing, "500"),
])  # fmt: skip
async def test_what_is_huge_slow_moved_or_broken_is_no_answer(site: Site, answer: Page, words: str) -> None:
    site.keys = answer
    began = time.monotonic()
    with pytest.raises(IssuerUnreachableError, match=words):
        await signing_keys(site.url, site.context)
    assert time.monotonic() - began < 5 and "/other-jwks" not in site.asked


@pytest.mark.parametrize("keys", [b"<html>", b"{}", b'{"keys":[]}', b"\xff", b"[" * 50_000])
async def test_what_is_no_jwks_is_no_answer(site: Site, keys: bytes) -> None:
    site.keys = keys
    with pytest.raises(IssuerKeysError):
        await signing_keys(site.url, site.context)


@pytest.mark.parametrize("document", [b"<html>", b"[]", b"[" * 50_000, {"issuer": "https://idp.evil.example"}, {}])
async def test_a_document_of_another_issuer_or_none_is_no_answer(site: Site, document: Any) -> None:
    site.document = document
    with pytest.raises(IssuerUnreachableError):
        await discover(site.url, site.context)


async def test_keys_are_fetched_under_https_alone(site: Site) -> None:
    site.document["jwks_uri"] = f"http://127.0.0.1:{site.port}/jwks"
    with pytest.raises(IssuerUnreachableError, match="https"):
        await signing_keys(site.url, site.context)


async def test_a_certificate_of_another_authority_is_no_issuers(site: Site, tmp_path: Path) -> None:
    other = DevelopmentCA(tmp_path / "other")
    with pytest.raises(IssuerUnreachableError, match="certificate"):
        await signing_keys(site.url, issuer_context(other.certificate))


async def test_keys_are_fetched_once_for_all_who_ask(site: Site) -> None:
    seen = site.observer()
    found = await asyncio.gather(*(seen.observe({"corporate": {"k1"}}) for _ in range(20)))
    assert all("k1" in each["corporate"] for each in found) and site.asked.count("/jwks") == 1


async def test_a_new_key_is_found_after_the_cool_down_and_one_that_is_none_is_known_to_be_none(site: Site) -> None:
    from joserfc.jwk import RSAKey

    seen = site.observer()
    await seen.observe({"corporate": {"k1"}})
    site.keys = jwks(KEY, RSAKey.import_key(STRANGER.as_dict(private=False) | {"kid": "k2"}))
    began = time.monotonic()
    found = (await seen.observe({"corporate": {"k2"}}))["corporate"]
    assert "k2" in found and found.current and 0.2 < time.monotonic() - began < 1.2
    found = (await seen.observe({"corporate": {"k3"}}))["corporate"]
    assert "k3" not in found and found.current and site.asked.count("/jwks") == 3


async def test_a_flood_of_unknown_keys_asks_the_issuer_no_oftener_than_the_cool_down_allows(site: Site) -> None:
    seen = site.observer()
    await seen.observe({"corporate": {"k1"}})
    await asyncio.gather(*(seen.observe({"corporate": {f"made-up-{n}"}}) for n in range(200)))
    assert site.asked.count("/jwks") == 2


async def test_while_the_issuer_is_down_a_message_waits_and_goes_on_when_it_is_back(site: Site) -> None:
    await site.stop()
    waiting = asyncio.ensure_future(site.observer().observe({"corporate": {"k1"}}))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    await site.start()
    assert "k1" in (await waiting)["corporate"]


async def test_nobody_waits_longer_than_the_bound(site: Site) -> None:
    await site.stop()
    began = time.monotonic()
    assert await site.observer().observe({"corporate": {"k1"}}) == {}
    assert 1.2 < time.monotonic() - began < 3


async def test_keys_that_are_known_serve_while_the_issuer_is_down_and_an_unknown_one_is_not_called_unknown(
    site: Site,
) -> None:
    seen = site.observer()
    await seen.observe({"corporate": {"k1"}})
    await site.stop()
    assert "k1" in (await seen.observe({"corporate": {"k1"}}))["corporate"]
    assert not (await seen.observe({"corporate": {"k2"}}))["corporate"].current


async def test_old_keys_are_fetched_again_and_not_trusted_if_that_fails(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observer, "CACHE", 0.5)
    seen = site.observer()
    await seen.observe({"corporate": {"k1"}})
    await asyncio.sleep(0.7)
    await seen.observe({"corporate": {"k1"}})
    assert site.asked.count("/jwks") == 2
    await site.stop()
    await asyncio.sleep(0.7)
    assert await seen.observe({"corporate": {"k1"}}) == {}
