"""What looks like a card number and is none. By kind: how it is made, and the names systems give it.

A value that is a string of digits under a name of ours, or in a sentence, may be written as a JSON number too.
"""

import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from tests.corpus import hexadecimal, identifiers, moments, trade

Make = Callable[[random.Random], str]


class Decoy(NamedTuple):
    """`names`: members that tell what it is; `words`: texts that do. `literal`: written as a JSON number."""

    make: Make
    names: tuple[str, ...]
    words: tuple[str, ...] = ()
    literal: bool = False


def _named(kinds: Mapping[str, tuple[Make, str, str]], literal: bool = False) -> dict[str, Decoy]:
    return {
        kind: Decoy(make, tuple(names.split()), tuple(words.split("|")) if words else (), literal)
        for kind, (make, names, words) in kinds.items()
    }


DECOYS: Mapping[str, Decoy] = MappingProxyType(
    {
        **_named(identifiers.STRINGS),
        **_named(identifiers.NUMBERS, literal=True),
        **_named(moments.STRINGS),
        **_named(moments.NUMBERS, literal=True),
        **_named(trade.STRINGS),
        **_named(trade.NUMBERS, literal=True),
        **_named(hexadecimal.STRINGS),
    }
)
