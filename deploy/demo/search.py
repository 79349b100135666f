"""Looks for card numbers and CVVs in any bytes, as they are and behind base64 and JSON's escapes.

A card number of 14 digits or more cannot occur by chance: any occurrence counts, separators between its digits or not.

Three digits occur everywhere (the milliseconds of a log line, a process id, an offset), so a CVV as such cannot be
looked for. But Panlock is told of CVVs in declared fields alone: a leak of one is that field, or its value, somewhere
else. What counts is therefore: the digits as a whole JSON string or as a member's whole number, the digits right behind
a name like cvv, and the digits as a whole key, value or header. No clock, hash or process id has these forms, and the
demo's CVVs are larger than any offset or sequence number of a run (deploy.demo.cards); what RocksDB logs of its own
sizes, and what brokers count, holds any number, and is searched for card numbers alone. That this search does find them
is shown each time on what the producers wrote.
"""

import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from deploy.demo.cards import Card

_BASE64 = re.compile(rb"[A-Za-z0-9+/]{20,}")  # 14 digits are 20 characters
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_ESCAPED = re.compile(rb"\\u00(3[0-9])")
_MANY_DIGITS = re.compile(rb"[0-9](?:\W{0,3}[0-9]){13}")  # the shortest card number of the demo has fourteen
_COUNTERS = re.compile(rb"EVENT_LOG_v1 \{[^\n]*")  # sizes and counts in RocksDB's own log: any number
_NESTED = 2  # a header inside a pending record inside a worker's store


class Needle(NamedTuple):
    """`name` says which card's what, without a digit of it. Where `sign` does not match, `pattern` cannot.

    `short`: three or four digits, which RocksDB's counters hold by chance.
    """

    name: str
    pattern: re.Pattern[bytes]
    sign: re.Pattern[bytes]
    short: bool = False


def needles(cards: Iterable[Card]) -> list[Needle]:
    """Two for each card."""
    return [
        each
        for card in cards
        for each in (
            Needle(f"the card number of {card.network}", _number(card.number), _MANY_DIGITS),
            Needle(f"the CVV of {card.network}", _cvv(card.cvv), re.compile(card.cvv.encode()), short=True),
        )
    ]


def found(data: bytes, wanted: Sequence[Needle]) -> set[str]:
    """Names of the needles that are in `data`."""
    signs = {needle.sign for needle in wanted}
    names = set()
    for view in views(data):
        signed = {sign for sign in signs if sign.search(view)}
        told = _COUNTERS.sub(b"", view)
        names |= {
            needle.name
            for needle in wanted
            if needle.sign in signed and needle.pattern.search(told if needle.short else view)
        }
    return names


def views(data: bytes, depth: int = _NESTED) -> Iterator[bytes]:
    """The bytes, the same without JSON's escapes of digits, and what each run of base64 in them stands for."""
    yield data
    if _ESCAPED.search(data):
        yield _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), data)
    if depth == 0:
        return
    for run in _BASE64.findall(data.translate(_URL_SAFE)):
        for start in range(4):  # in a binary file letters may stand before it
            text = run[start:] if len(run[start:]) % 4 != 1 else run[start:-1]
            yield from views(b64decode(text + b"=="), depth - 1)


def _number(digits: str) -> re.Pattern[bytes]:
    return re.compile(rb"\W{0,3}".join(digit.encode() for digit in digits))


def _cvv(digits: str) -> re.Pattern[bytes]:
    number = digits.encode()
    forms = (
        rb"\\*\"%b\\*\"",  # a whole string
        rb"[\"']\s*:\s*%b\s*[,}\]]",  # a member's whole number
        rb"(?i:cvv|cvc|cvn|cid)[0-9]?\W{0,8}%b(?![0-9])",
        rb"\A%b\Z",
    )
    return re.compile(b"|".join(form % number for form in forms))
