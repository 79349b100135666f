"""Time stamps of manifests from an authority, over HTTP (RFC 3161, 3.4)."""

from collections.abc import Sequence

import aiohttp
from cryptography.x509 import Certificate

from agents.sealer.posting import NoAnswerError, post
from pipeline.audit.timestamp import ANSWER_TYPE, LARGEST, REQUEST_TYPE, check_answer, stamp_request


async def stamp(session: aiohttp.ClientSession, url: str, note: bytes, authorities: Sequence[Certificate]) -> bytes:
    """The authority's answer, verified. Raises NoAnswerError, TimestampError."""
    request = stamp_request(note)
    answer = await post(session, url, request.as_bytes(), REQUEST_TYPE, LARGEST)
    if answer.status != 200 or answer.type != ANSWER_TYPE:
        raise NoAnswerError(f"{url} answers {answer.status} with {answer.type}: is it a time stamp authority?")
    check_answer(note, request, answer.body, authorities)
    return answer.body
