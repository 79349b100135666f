"""Documents to mask, as text: card numbers in every shape, escapes, spaces, names that rules speak of.

Each is made from one seed: hypothesis draws the seed, which costs far less than drawing every character.
"""

import json
import random

from tests.properties.oracle_masking import luhn_digit

# a prefix and a length that a scheme issues, or nearly
SHAPES = [
    ("4", 13), ("4", 16), ("4", 19), ("51", 16), ("2221", 16), ("37", 15), ("36", 14), ("6011", 16), ("62", 17),
    ("5018", 12), ("6759", 13), ("2200", 16), ("9792", 16), ("1", 15), ("4", 14), ("9", 16), ("2720", 16),
]  # fmt: skip
SEPARATORS = [("",), (" ",), ("-",), ("", " "), ("", "", "", " "), ("", "-", " "), ("", "", "", "", "  ")]
NAMES = ["card", "number", "cvv", "items", "a", "b", "a b", "", "ü", "411111******1111"]
STEPS = [("name", "card"), ("name", "number"), ("name", "a"), ("items", ""), ("anywhere", "cvv"), ("anywhere", "a")]
STRATEGIES = ["drop", "redact", "partial", "token"]
PIECES = [
    " ", "-", "0", "12/27", " 123 ", "*", "\\", '"', "\n", "😀", "é", "x", "[REDACTED:PAN]", "[REDACTED:SAD]",
    "411111******1111", "*********1111", "tok_k1_" + "a" * 32, "tok_k0_" + "2" * 32, "tok_k9_" + "a" * 32,
    "tok_", "tok_k1_",
]  # fmt: skip
FORMS = ["{0}", "{0}", "-{0}", "{0}.0", "{0}.50e0", "{0[0]}.{1}e{2}", "{0}00E-2", "0.{0}e+{3}", "0.00{0}e{3}", "{0}e1"]
PLAIN = ["true", "false", "null", "0", "-0", "1e5", "1E-7", "0.000", "12.5", "1764000000123", "1e300"]

Field = tuple[tuple[tuple[str, str], ...], str, str]


def number(chance: random.Random) -> str:
    """Digits of a card number, or of one with a wrong check digit."""
    prefix, length = chance.choice(SHAPES)
    digits = prefix + "".join(chance.choices("0123456789", k=length - 1 - len(prefix)))
    return digits + (luhn_digit(digits) if chance.random() < 0.8 else chance.choice("0123456789"))


def text(chance: random.Random) -> str:
    return "".join(_piece(chance) for _ in range(chance.choice([0, 1, 1, 1, 2, 3, 5])))


def _piece(chance: random.Random) -> str:
    if chance.random() < 0.4:
        return chance.choice(PIECES)
    if chance.random() < 0.2:
        return "".join(chance.choices("0123456789 -", k=chance.randrange(30)))
    separators = chance.choice(SEPARATORS)
    first, *others = number(chance)
    return first + "".join(chance.choice(separators) + digit for digit in others)


def string(chance: random.Random, content: str) -> str:
    """A JSON string token, some characters escaped without need."""
    return '"' + "".join(_written(chance, character) for character in content) + '"'


def _written(chance: random.Random, character: str) -> str:
    if character in '"\\' or character < " ":
        return json.dumps(character)[1:-1]
    if chance.random() < 0.9:
        return character
    units = character.encode("utf-16-be")
    return "".join(f"\\u{int.from_bytes(units[n : n + 2], 'big'):04x}" for n in range(0, len(units), 2))


def space(chance: random.Random) -> str:
    return chance.choice(["", "", "", "", " ", "\n", " \t"])


def scalar(chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.5:
        return string(chance, text(chance))
    if kind < 0.7:
        return chance.choice(PLAIN)
    digits = number(chance)
    return chance.choice(FORMS).format(digits, digits[1:], len(digits) - 1, len(digits))


def value(chance: random.Random, depth: int) -> str:
    kind = chance.random()
    if depth == 0 or kind < 0.3:
        return scalar(chance)
    if kind < 0.5:
        items = [space(chance) + value(chance, depth - 1) + space(chance) for _ in range(chance.randrange(4))]
        return "[" + (",".join(items) or space(chance)) + "]"
    members = [member(chance, depth) for _ in range(chance.randrange(5))]
    return "{" + (",".join(members) or space(chance)) + "}"


def member(chance: random.Random, depth: int) -> str:
    name = chance.choice(NAMES) if chance.random() < 0.85 else text(chance)
    around = [space(chance) for _ in range(4)]
    return f"{around[0]}{string(chance, name)}{around[1]}:{around[2]}{value(chance, depth - 1)}{around[3]}"


def document(seed: int) -> str:
    chance = random.Random(seed)
    return space(chance) + value(chance, chance.randrange(4)) + space(chance)


def fields(seed: int) -> list[Field]:
    chance = random.Random(seed)
    rules: list[Field] = []
    for _ in range(chance.randrange(4)):
        class_ = chance.choice(["pan", "sad"])
        strategy = chance.choice(STRATEGIES if class_ == "pan" else ["drop", "redact"])
        rules.append((tuple(chance.choices(STEPS, k=chance.randrange(4))), class_, strategy))
    return rules


def path_of(steps: tuple[tuple[str, str], ...]) -> str:
    forms = {"name": ".{}", "anywhere": "..{}", "items": "[*]"}
    return "$" + "".join(forms[kind].format(name) for kind, name in steps)
