"""What the sealer asks of others over HTTP: bounded in size and time, without redirects."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import aiohttp

from pipeline.errors import PanlockError

DEADLINE = 10.0  # seconds for one answer, from the connection to its last byte


class NoAnswerError(PanlockError):
    """Somebody who was asked does not answer, or not in a way that can be read."""


class Answer(NamedTuple):
    status: int
    type: str
    body: bytes


@asynccontextmanager
async def asking() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(trust_env=True) as session:
        yield session


async def post(session: aiohttp.ClientSession, url: str, body: bytes, type_: str, largest: int) -> Answer:
    """Raises NoAnswerError."""
    headers = {"Content-Type": type_}
    try:
        async with (
            asyncio.timeout(DEADLINE),
            session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            found = bytearray()
            async for piece in answer.content.iter_any():
                found += piece
                if len(found) > largest:
                    raise NoAnswerError(f"{url} answers more than {largest >> 10} KiB")
            return Answer(answer.status, answer.content_type, bytes(found))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise NoAnswerError(f"{url}: {type(error).__name__}: {error}") from error
