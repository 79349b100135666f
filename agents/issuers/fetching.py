"""What an issuer publishes: its discovery document and its keys, over TLS, bounded in size and time.

An answer that is huge, slow, redirected, not JSON, or of another issuer than was asked for is no answer.
OpenID Connect Discovery 1.0, 4.3: `issuer` must be the one asked, letter by letter.
"""

import asyncio
import json
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from pipeline.approval.issuer_keys import IssuerKeys
from pipeline.errors import PanlockError

LARGEST = 256 << 10  # bytes of an answer; a JWKS of 20 keys with certificates has about 80 KiB
DEADLINE = 10.0  # seconds for one answer, from the connection to its last byte


class IssuerUnreachableError(PanlockError):
    """An issuer does not answer, or not with what an issuer answers."""


def issuer_context(ca: Path | None) -> ssl.SSLContext:
    """TLS to an issuer: under `ca`, or under the certificate authorities of the system. Raises OSError."""
    return ssl.create_default_context(cafile=None if ca is None else str(ca))


async def discover(issuer: str, context: ssl.SSLContext) -> dict[str, str]:
    """The endpoints, by name: those that are https. Raises IssuerUnreachableError."""
    url = issuer.rstrip("/") + "/.well-known/openid-configuration"
    try:
        document = json.loads(await fetch(url, context))
    except (ValueError, RecursionError) as error:
        raise IssuerUnreachableError(f"{url} is no JSON: is {issuer} an OpenID Connect issuer?") from error
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise IssuerUnreachableError(f"{url} is of another issuer than {issuer}: spell it as the document does")
    return {
        name: value
        for name, value in document.items()
        if isinstance(value, str) and (name == "issuer" or urlsplit(value).scheme == "https")
    }


async def signing_keys(issuer: str, context: ssl.SSLContext) -> IssuerKeys:
    """Raises IssuerUnreachableError, IssuerKeysError."""
    url = (await discover(issuer, context)).get("jwks_uri")
    if url is None:
        raise IssuerUnreachableError(f"{issuer} names no `jwks_uri` under https in its discovery document")
    return IssuerKeys.parse(await fetch(url, context))


async def fetch(url: str, context: ssl.SSLContext) -> bytes:
    """GET, without following redirects. Raises IssuerUnreachableError."""
    try:
        async with (
            asyncio.timeout(DEADLINE),
            aiohttp.ClientSession(trust_env=True) as session,
            session.get(url, ssl=context, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise IssuerUnreachableError(f"{url} answers {answer.status}: see the issuer's log")
            return await _body(answer, url)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise IssuerUnreachableError(f"{url}: {type(error).__name__}: {error}") from error


async def _body(answer: aiohttp.ClientResponse, url: str) -> bytes:
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > LARGEST:
            raise IssuerUnreachableError(f"{url} answers more than {LARGEST >> 10} KiB: that is no issuer's answer")
    return bytes(body)
