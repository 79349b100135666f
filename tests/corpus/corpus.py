"""The corpus: lines of JSON with what is in them, for a seed."""

import random
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tests.corpus.decoys import DECOYS, Decoy
from tests.corpus.networks import NETWORKS, card
from tests.corpus.spelled import Spelled, Spelling, around, whole
from tests.corpus.spellings import SPELLINGS
from tests.corpus.surroundings import NEUTRAL, WITHOUT_WORD, Document, Member, document, placed


class Truth(NamedTuple):
    """One number of a line: characters of the unescaped string at `path`, or of a number's literal."""

    path: str
    start: int
    end: int


class Line(NamedTuple):
    """`json`: what a detector is given. `what`: a spelling, or a kind of look-alike.

    `network`, `digits`, `truth`: of a card number, else empty, 0, None. `context`: see surroundings.Member.
    """

    json: str
    what: str
    context: str
    network: str = ""
    digits: int = 0
    truth: Truth | None = None


def pans(seed: int, each: int, spellings: Mapping[str, Spelling] = SPELLINGS) -> Iterator[Line]:
    """`each` lines for every network in every spelling."""
    chance = random.Random(seed)
    for name, spelling in spellings.items():
        for network in NETWORKS:
            for _ in range(each):
                number = card(chance, network).digits
                member = placed(chance, spelling(chance, number))
                made = document(chance, member)
                truth = Truth(made.path, made.start, made.end)
                yield Line(made.json, name, member.context, network.name, len(number), truth)


def decoys(seed: int, each: int, kinds: Mapping[str, Decoy] = DECOYS) -> Iterator[Line]:
    """`each` lines for every kind of look-alike."""
    chance = random.Random(seed)
    for name, decoy in kinds.items():
        for _ in range(each):
            member = among(chance, decoy)
            yield Line(document(chance, member).json, name, member.context)


def among(chance: random.Random, decoy: Decoy) -> Member:
    """Under a name that tells or under a neutral one, in a text that tells or in another."""
    content: Spelled = whole(decoy.make(chance))._replace(literal=decoy.literal)
    contexts = ["telling", "telling", "neutral", "neutral"] + ["word", "sentence"] * (not decoy.literal)
    context = chance.choice(contexts)
    if context == "telling":
        return Member(chance.choice(decoy.names), context, content)
    if context == "neutral":
        return Member(chance.choice(NEUTRAL), context, content)
    before, behind = chance.choice(decoy.words if context == "word" else WITHOUT_WORD).split("{}")
    return Member(chance.choice(NEUTRAL), context, around(before, content, behind))


__all__ = ["Document", "Line", "Truth", "decoys", "pans"]
