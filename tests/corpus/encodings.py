"""Texts that hold a card number and are written for a machine: percent, entities, base64, hex, JSON in a string."""

import base64
import json
import random
import textwrap
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

from tests.corpus.spelled import Spelled, Spelling, around, base64_of, groups, nested, whole

HOLDERS = [
    '{{"pan":"{}","exp":"12/27"}}',
    "card={};exp=1227",
    "<Card><PAN>{}</PAN></Card>",
    "please charge {} today",
    "id,name,number\n7,Bob,{}\n",
]


def held(chance: random.Random, digits: str) -> str:
    """The number alone, or in a text."""
    written = digits if chance.random() < 0.7 else " ".join(groups(chance, digits))
    return written if chance.random() < 0.4 else chance.choice(HOLDERS).format(written)


def encoded(encode: Callable[[str], str]) -> Spelling:
    return lambda chance, digits: whole(encode(held(chance, digits)))


def percent_separators(mark: str) -> Spelling:
    return lambda chance, digits: whole(mark.join(groups(chance, digits)))


def percent_digits(chance: random.Random, digits: str) -> Spelled:
    return whole("".join(f"%{ord(digit):02X}" for digit in digits))


def in_query(chance: random.Random, digits: str) -> Spelled:
    number = digits if chance.random() < 0.5 else "%20".join(groups(chance, digits))
    return around("https://pay.example/v1/charge?card=", whole(number), "&currency=EUR")


def entities(form: str) -> Spelling:
    return lambda chance, digits: whole("".join(form.format(ord(digit)) for digit in digits))


def json_in_string(depth: int) -> Spelling:
    def spelled(chance: random.Random, digits: str) -> Spelled:
        name = chance.choice(["pan", "card_number", "value", "text", "data", "n"])
        number = digits if chance.random() < 0.6 else " ".join(groups(chance, digits))
        inner = around(f'{{"{name}":"', whole(number), '"}')
        for _ in range(depth - 1):
            before, behind = inner.text[: inner.start], inner.text[inner.end :]
            number = inner.text[inner.start : inner.end]
            inner = around('{"body":"' + nested(before), whole(number), nested(behind) + '"}')
        return inner

    return spelled


def json_number_in_string(chance: random.Random, digits: str) -> Spelled:
    return around('{"card":{"number":', whole(digits), '},"amount":12.5}')


def json_escapes_in_string(chance: random.Random, digits: str) -> Spelled:
    return around('{"card":"', whole("".join(f"\\u{ord(digit):04x}" for digit in digits)), '"}')


def mime_base64(text: str) -> str:
    padded = f"Content-Type: text/plain\r\nSubject: your order\r\n\r\n{text}\r\nregards, the shop\r\n"
    return "\r\n".join(textwrap.wrap(base64_of(padded), 76))


def data_url(chance: random.Random, digits: str) -> Spelled:
    return around("data:text/plain;base64,", whole(base64_of(held(chance, digits))), "")


def jwt(chance: random.Random, digits: str) -> Spelled:
    def part(content: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    claims = part({"sub": "shop", "note": held(chance, digits)})
    return around(part({"alg": "none"}) + ".", whole(claims), ".c2lnbmF0dXJl")


ENCODINGS: Mapping[str, Spelling] = MappingProxyType(
    {
        "percent-space": percent_separators("%20"),
        "percent-hyphen": percent_separators("%2D"),
        "percent-nbsp": percent_separators("%C2%A0"),
        "percent-digits": percent_digits,
        "percent-in-query": in_query,
        "entity-decimal": entities("&#{};"),
        "entity-hex": entities("&#x{:x};"),
        "entity-nbsp": percent_separators("&nbsp;"),
        "entity-numbered-space": percent_separators("&#160;"),
        "entity-dash": percent_separators("&ndash;"),
        "entity-soft-hyphen": percent_separators("&shy;"),
        "base64": encoded(base64_of),
        "base64-unpadded": encoded(lambda text: base64_of(text).rstrip("=")),
        "base64-url": encoded(lambda text: base64.urlsafe_b64encode(text.encode()).decode()),
        "hex": encoded(lambda text: text.encode().hex()),
        "hex-upper": encoded(lambda text: text.encode().hex().upper()),
        "json-in-string": json_in_string(1),
        "json-in-json-in-string": json_in_string(2),
        "json-number-in-string": json_number_in_string,
        "json-escapes-in-string": json_escapes_in_string,
    }
)

BEYOND: Mapping[str, Spelling] = MappingProxyType(
    {
        "plus-for-space": percent_separators("+"),
        "percent-twice": percent_separators("%2520"),
        "percent-twice-digits": lambda chance, digits: whole("".join(f"%25{ord(digit):02X}" for digit in digits)),
        "percent-u": lambda chance, digits: whole("".join(f"%u{ord(digit):04X}" for digit in digits)),
        "entity-without-semicolon": lambda chance, digits: whole("&#" + "&#".join(str(ord(d)) for d in digits)),
        "entity-padded": entities("&#00{};"),
        "entity-twice": entities("&amp;#{};"),
        "quoted-printable": lambda chance, digits: whole("".join(f"={ord(digit):02X}" for digit in digits)),
        "octal-escapes": lambda chance, digits: whole("".join(f"\\{ord(digit):03o}" for digit in digits)),
        "backslash-x": lambda chance, digits: whole("".join(f"\\x{ord(digit):02x}" for digit in digits)),
        "backslash-u": lambda chance, digits: whole("".join(f"\\u{ord(digit):04x}" for digit in digits)),
        "hex-spaced": encoded(lambda text: text.encode().hex(" ")),
        "hex-colons": encoded(lambda text: text.encode().hex(":")),
        "hex-0x": lambda chance, digits: around("0x", whole(held(chance, digits).encode().hex()), ""),
        "hex-of-utf-16": encoded(lambda text: text.encode("utf-16-le").hex()),
        "base64-mime": encoded(mime_base64),
        "base64-data-url": data_url,
        "base64-twice": encoded(lambda text: base64_of(base64_of(text))),
        "base64-of-utf-16": encoded(lambda text: base64.b64encode(text.encode("utf-16-le")).decode()),
        "base64-of-hex": encoded(lambda text: base64_of(text.encode().hex())),
        "base64-of-deflate": encoded(lambda text: base64.b64encode(zlib.compress(text.encode())).decode()),
        "base32": encoded(lambda text: base64.b32encode(text.encode()).decode()),
        "base85": encoded(lambda text: base64.b85encode(text.encode()).decode()),
        "jwt": jwt,
        "base64-of-packed-decimal": lambda chance, digits: whole(
            base64.b64encode(bytes.fromhex(digits + "f" * (len(digits) % 2))).decode()
        ),
        "json-five-deep": json_in_string(5),
        "spaced-json-in-string": lambda chance, digits: around('{\n  "pan" : "', whole(digits), '"\n}'),
        "reversed": lambda chance, digits: whole(digits[::-1]),
    }
)
