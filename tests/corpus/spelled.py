"""A card number as it is written, and where it stands in what is written."""

import base64
import json
import random
from collections.abc import Callable
from typing import NamedTuple


class Spelled(NamedTuple):
    """`text[start:end]` holds the number, `start` and `end` in characters.

    `literal`: it is written as a JSON number. `escaped`: as a JSON string it is written with \\u escapes.
    """

    text: str
    start: int
    end: int
    literal: bool = False
    escaped: bool = False


Spelling = Callable[[random.Random, str], Spelled]


def whole(text: str) -> Spelled:
    return Spelled(text, 0, len(text))


def around(before: str, inner: Spelled, behind: str) -> Spelled:
    shift = len(before)
    return inner._replace(text=before + inner.text + behind, start=inner.start + shift, end=inner.end + shift)


def groups(chance: random.Random, digits: str) -> list[str]:
    """As cards and forms print it: fours as a rule, 4-6-5 and 4-6-4 where the network does so."""
    usual: dict[int, list[tuple[int, ...]]] = {
        12: [(4, 4, 4)],
        13: [(4, 4, 5), (4, 3, 3, 3)],
        14: [(4, 6, 4)],
        15: [(4, 6, 5)] if digits[0] == "3" else [(4, 5, 6), (4, 4, 4, 3)],
        16: [(4, 4, 4, 4)],
        17: [(4, 4, 4, 4, 1)],
        18: [(4, 4, 4, 4, 2), (6, 12)],
        19: [(4, 4, 4, 4, 3), (6, 13)],
    }
    parts, at = [], 0
    for size in chance.choice(usual[len(digits)]):
        parts.append(digits[at : at + size])
        at += size
    return parts


def nested(text: str) -> str:
    """JSON as a member of JSON: quotes get their backslashes, and so do those."""
    return json.dumps(text)[1:-1]


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
