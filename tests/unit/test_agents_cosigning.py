"""Whatever a witness answers, a sealer goes on: what is no cosignature is told, and another history is named."""

import asyncio
from collections.abc import Mapping

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from agents.sealer.cosigning import Asked, Cosigning, Sizes, Stand
from pipeline.audit.add_checkpoint import PATH, SIZE_TYPE
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.cosignature import Witness, cosign
from pipeline.audit.growth import Growth
from pipeline.audit.merkle import Tree, leaf_hash
from pipeline.audit.note import sign
from pipeline.audit.sealer import Part
from tests.audit_keys import SEALER, STRANGER

LOG = "c/panlock.audit/0"
LEAVES = b"".join(leaf_hash(b"%d" % n) for n in range(5))
TREE = Tree().append(LEAVES)
TEXT = Checkpoint(LOG, 5, TREE.root).text()
PART = Part(LOG, sign(TEXT, "panlock-sealer", SEALER.key).encode(), TREE, Growth.after(5))
W1 = Witness("w1", STRANGER.key.public_key())
GOOD = cosign(TEXT, "w1", STRANGER.key, 1_700).encode()


def asked(*answers: tuple[int, str, bytes], known: Stand | None = None) -> Asked:
    """One after the other, the last again and again; nothing was published before. `known`: what it cosigned before."""

    async def nothing(sizes: Sizes) -> Mapping[str, Stand]:
        return {}

    async def go() -> Asked:
        left = list(answers)

        async def answer(request: web.Request) -> web.Response:
            status, type_, body = left.pop(0) if len(left) > 1 else left[0]
            return web.Response(status=status, headers={"Content-Type": type_}, body=body)

        app = web.Application()
        app.router.add_post(f"/{PATH}", answer)
        async with TestServer(app) as server, aiohttp.ClientSession() as session:
            cosigning = Cosigning([W1], {"w1": str(server.make_url("/"))}, 1)
            if known is not None:
                cosigning._stands["w1", LOG] = known
            return await cosigning.ask(session, W1, [PART], nothing)

    return asyncio.run(go())


def test_the_witnesses_own_line_is_kept_and_no_others() -> None:
    other = cosign(TEXT, "w2", STRANGER.key, 1_700).encode()
    assert asked((200, "text/plain", other + GOOD)) == Asked({LOG: GOOD.decode()}, {}, None)


def test_one_that_has_this_size_already_cosigns_it() -> None:
    found = asked((409, SIZE_TYPE, b"5\n"), (200, "text/plain", GOOD))
    assert found == Asked({LOG: GOOD.decode()}, {}, None)


def test_one_that_was_set_up_anew_is_no_other_history() -> None:
    known = Stand(Tree().append(LEAVES[: 32 * 3]), Growth.after(3).append(LEAVES[32 * 3 :]))
    found = asked((409, SIZE_TYPE, b"0\n"), (200, "text/plain", GOOD), known=known)
    assert found == Asked({LOG: GOOD.decode()}, {}, None)


@pytest.mark.parametrize(
    "answers",
    [
        [(409, SIZE_TYPE, b"4\n")],  # a size that was never published
        [(409, SIZE_TYPE, b"9\n")],  # more than there are
        [(409, SIZE_TYPE, b"0\n")],  # the size that it was offered from, with another root
        [(422, "text/plain", b"no\n")],
        [(409, SIZE_TYPE, b"5\n"), (422, "text/plain", b"no\n")],
    ],
)
def test_another_history_is_named(answers: list[tuple[int, str, bytes]]) -> None:
    found = asked(*answers)
    assert (found.lines, found.failed, list(found.refused)) == ({}, None, [LOG])


@pytest.mark.parametrize(
    "answer",
    [
        (500, "text/plain", b""),
        (404, "text/plain", b"no"),
        (302, "text/plain", b""),
        (200, "text/plain", b""),
        (200, "text/plain", b"\xff\xfe"),
        (200, "text/plain", cosign(TEXT, "w1", SEALER.key, 1).encode()),
        (200, "text/plain", cosign(TEXT + "x\n", "w1", STRANGER.key, 1).encode()),
        (200, "text/plain", GOOD * 2_000),
        (409, SIZE_TYPE, "²\n".encode()),
        (409, SIZE_TYPE, b"9" * 5_000),
        (409, SIZE_TYPE, b""),
    ],
)
def test_what_is_no_answer_is_told(answer: tuple[int, str, bytes]) -> None:
    found = asked(answer)
    assert (found.lines, found.refused) == ({}, {})
    assert found.failed
