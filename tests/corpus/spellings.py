"""The spellings by name, each from a card number: separators, digits, invisible characters, escapes, numbers.

SPELLINGS are those Panlock promises to read; BEYOND those that evaders or careless systems use and nobody promised.
"""

import random
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from tests.corpus import encodings
from tests.corpus.spelled import Spelled, Spelling, around, groups, whole

SEPARATORS = {
    "space": " ",
    "hyphen": "-",
    "dot": ".",
    "slash": "/",
    "underscore": "_",
    "nbsp": "\u00a0",
    "narrow-nbsp": "\u202f",
    "en-dash": "\u2013",
    "em-dash": "\u2014",
    "double-space": "  ",
    "line-feed": "\n",
    "crlf": "\r\n",
    "tab": "\t",
    "figure-space": "\u2007",
    "thin-space": "\u2009",
    "ideographic-space": "\u3000",
    "unicode-hyphen": "\u2010",
    "non-breaking-hyphen": "\u2011",
    "minus-sign": "\u2212",
    "spaced-hyphen": " - ",
}
INVISIBLE = {
    "zero-width-space": "\u200b",
    "zero-width-non-joiner": "\u200c",
    "zero-width-joiner": "\u200d",
    "soft-hyphen": "\u00ad",
    "word-joiner": "\u2060",
    "byte-order-mark": "\ufeff",
}
ZEROES = {
    "full-width": 0xFF10,
    "arabic-indic": 0x660,
    "persian": 0x6F0,
    "devanagari": 0x966,
    "bengali": 0x9E6,
    "thai": 0xE50,
    "khmer": 0x17E0,
    "mathematical-bold": 0x1D7CE,
    "mathematical-monospace": 0x1D7F6,
}
BEYOND_SEPARATORS = {
    "middle-dot": "\u00b7",
    "bullet": "\u2022",
    "comma": ",",
    "plus": "+",
    "asterisk": "*",
    "pipe": "|",
    "colon": ":",
    "apostrophe": "'",
    "figure-dash": "\u2012",
    "horizontal-bar": "\u2015",
    "small-hyphen": "\ufe63",
    "full-width-hyphen": "\uff0d",
    "full-width-dot": "\uff0e",
    "full-width-slash": "\uff0f",
    "line-separator": "\u2028",
    "ogham-space": "\u1680",
    "three-spaces": "   ",
    "hyphen-and-line-feed": "-\n",
    "variation-selector": "\ufe0f",
    "left-to-right-mark": "\u200e",
    "combining-grapheme-joiner": "\u034f",
    "mongolian-vowel-separator": "\u180e",
    "invisible-times": "\u2062",
    "hangul-filler": "\u3164",
    "pop-directional": "\u202c",
    "tag-character": "\U000e0020",
}


def separated(separator: str) -> Spelling:
    return lambda chance, digits: whole(separator.join(groups(chance, digits)))


def in_every_gap(mark: str) -> Spelling:
    return lambda chance, digits: whole(mark.join(digits))


def digits_of(zero: int) -> Spelling:
    table = {ord("0") + n: chr(zero + n) for n in range(10)}

    def spelled(chance: random.Random, digits: str) -> Spelled:
        text = digits if chance.random() < 0.6 else " ".join(groups(chance, digits))
        return whole(text.translate(table))

    return spelled


def bare(chance: random.Random, digits: str) -> Spelled:
    return whole(digits)


def mixed_scripts(chance: random.Random, digits: str) -> Spelled:
    zeroes = [*ZEROES.values(), 0x30, 0x30, 0x30]
    return whole("".join(chr(chance.choice(zeroes) + int(digit)) for digit in digits))


def mixed_separators(chance: random.Random, digits: str) -> Spelled:
    marks: Sequence[str] = [" ", "-", ".", "\u00a0", "\u2013", " ", "-"]
    first, *others = groups(chance, digits)
    return whole(first + "".join(chance.choice(marks) + part for part in others))


def invisible_among_groups(chance: random.Random, digits: str) -> Spelled:
    marks = list(INVISIBLE.values())
    return whole((" " + chance.choice(marks)).join(groups(chance, digits)))


def pairs(chance: random.Random, digits: str) -> Spelled:
    return whole(" ".join(digits[at : at + 2] for at in range(0, len(digits), 2)))


def escaped(chance: random.Random, digits: str) -> Spelled:
    text = digits if chance.random() < 0.5 else " ".join(groups(chance, digits))
    return whole(text)._replace(escaped=True)


def integer(chance: random.Random, digits: str) -> Spelled:
    return whole(digits)._replace(literal=True)


def decimal(chance: random.Random, digits: str) -> Spelled:
    return Spelled(digits + ".0", 0, len(digits), literal=True)


def exponent(chance: random.Random, digits: str) -> Spelled:
    return whole(f"{digits[0]}.{digits[1:]}{chance.choice('eE')}{len(digits) - 1}")._replace(literal=True)


SPELLINGS: Mapping[str, Spelling] = MappingProxyType(
    {
        "bare": bare,
        **{name: separated(mark) for name, mark in SEPARATORS.items()},
        **{name: separated(mark) for name, mark in INVISIBLE.items()},
        "zero-width-in-every-gap": in_every_gap("\u200b"),
        "space-in-every-gap": in_every_gap(" "),
        "hyphen-in-every-gap": in_every_gap("-"),
        "invisible-among-groups": invisible_among_groups,
        "mixed-separators": mixed_separators,
        "pairs": pairs,
        **{name: digits_of(zero) for name, zero in ZEROES.items()},
        "mixed-scripts": mixed_scripts,
        "json-escape": escaped,
        "json-integer": integer,
        "json-decimal": decimal,
        **encodings.ENCODINGS,
    }
)

BEYOND: Mapping[str, Spelling] = MappingProxyType(
    {
        **{name: separated(mark) for name, mark in BEYOND_SEPARATORS.items()},
        "circled": lambda chance, digits: whole("".join("⓪①②③④⑤⑥⑦⑧⑨"[int(digit)] for digit in digits)),
        "superscript": lambda chance, digits: whole("".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in digits)),
        "keycap": lambda chance, digits: around("", whole("\ufe0f\u20e3".join(digits)), "\ufe0f\u20e3"),
        "letters-for-digits": lambda chance, digits: whole(digits.replace("0", "O").replace("1", "l")),
        "json-exponent": exponent,
        **encodings.BEYOND,
    }
)
