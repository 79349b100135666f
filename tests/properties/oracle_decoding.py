"""docs/detection.md, section 7, once more and as plainly as possible: texts inside of texts."""

import base64
import binascii
import html
import re
from collections.abc import Iterator
from typing import NamedTuple

NAMED = {"nbsp", "shy", "ndash", "mdash", "thinsp", "ensp", "emsp", "hyphen", "period", "sol", "lowbar", "zwj", "zwnj"}
NAMED |= {"amp", "quot"}
ENTITY = re.compile(r"&#([0-9]{1,7});?|&#[xX]([0-9A-Fa-f]{1,6});?|&([a-z]+);", re.ASCII)
PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2})+", re.ASCII)
PERCENT_U = re.compile(r"%u([0-9A-Fa-f]{4})", re.ASCII)
ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})|\\u\{([0-9A-Fa-f]{1,6})\}", re.ASCII)
OCTAL = re.compile(r"\\([0-3][0-7]{2})", re.ASCII)
SPACE = re.compile(r"\\[nrt]")
QUOTED = re.compile(r"(?:=[0-7][0-9A-Fa-f]){2,}|=\r?\n", re.ASCII)
HEX = re.compile(r"(?<![0-9A-Za-z])(?:0[xX])?([0-9A-Fa-f]{24,})(?![0-9A-Za-z])", re.ASCII)
PAIRS = re.compile(
    r"(?<![0-9A-Za-z])[0-9A-Fa-f]{2}([ :,-])[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2}){10,}(?![0-9A-Za-z])", re.ASCII
)
LINE = re.compile(r"[A-Za-z0-9+/_-]{60,}", re.ASCII)
BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}", re.ASCII)
PART = re.compile(r"[A-Za-z0-9]{16,}={0,2}", re.ASCII)


class Piece(NamedTuple):
    """A character, and what of the outer text it stands for."""

    mark: str
    start: int
    end: int


def undone(text: str) -> Iterator[list[Piece]]:
    """The text with percent-encoding and entities undone, and with escapes of code undone, where there are any."""
    for form in ((PERCENT_U, PERCENT, ENTITY), (ESCAPE, OCTAL, SPACE), (QUOTED,)):
        pieces = _pieces(text, form)
        if "".join(piece.mark for piece in pieces) != text or any(piece.end - piece.start > 1 for piece in pieces):
            yield pieces


def _pieces(text: str, forms: tuple[re.Pattern[str], ...]) -> list[Piece]:
    pieces, at = [], 0
    while at < len(text):
        found = next((match for form in forms if (match := form.match(text, at))), None)
        made = _made(found) if found else None
        if found and made is not None:
            pieces += [Piece(mark, at + start, at + end) for mark, start, end in made]
            at = found.end()
        else:
            pieces.append(Piece(text[at], at, at + 1))
            at += 1
    return pieces


def _made(found: re.Match[str]) -> list[tuple[str, int, int]] | None:
    if found.re is QUOTED:
        if "\n" in found[0]:
            return []
        return [(chr(int(found[0][at + 1 : at + 3], 16)), at, at + 3) for at in range(0, len(found[0]), 3)]
    if found.re is SPACE:
        return [({"n": "\n", "r": "\r", "t": "\t"}[found[0][1]], 0, 2)]
    if found.re is PERCENT:
        try:
            decoded = binascii.unhexlify(found[0].replace("%", "")).decode()
        except ValueError:
            return None
        made, at = [], 0
        for mark in decoded:
            size = 3 * len(mark.encode())
            made.append((mark, at, at + size))
            at += size
        return made
    if found.re is ENTITY and found[3]:
        mark = html.unescape(found[0]) if found[3] in NAMED else ""
    else:
        written = next(group for group in found.groups() if group)
        base = 8 if found.re is OCTAL else 10 if found.re is ENTITY and found[1] else 16
        code = int(written, base)
        mark = chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else ""
    return [(mark, 0, found.end() - found.start())] if mark else None


def blobs(text: str) -> Iterator[list[tuple[str, int, int]]]:
    """Alternatives, the first that has a finding counts: (decoded text, start, end)."""
    for found in HEX.finditer(text):
        decoded = _readable(bytes.fromhex(found[1])) if len(found[1]) % 2 == 0 else None
        if decoded:
            yield [(decoded, found.start(1), found.end(1))]
    for found in PAIRS.finditer(text):
        decoded = _readable(bytes.fromhex(found[0].replace(found[1], "")))
        if decoded:
            yield [(decoded, found.start(), found.end())]
    for found in LINE.finditer(text):
        end = _end_of_lines(text, found.start(), len(found[0]))
        decoded = _from_base64(re.sub("[\r\n]", "", text[found.start() : end])) if end > found.end() + 1 else None
        if decoded:
            yield [(decoded, found.start(), end)]
    for found in BASE64.finditer(text):
        whole = _from_base64(found[0])
        yield [(whole, found.start(), found.end())] if whole else []
        for part in PART.finditer(found[0]):
            decoded = _from_base64(part[0])
            if decoded and part[0] != found[0]:
                yield [(decoded, found.start() + part.start(), found.start() + part.end())]


def _end_of_lines(text: str, at: int, length: int) -> int:
    """Of base64 in lines of `length` from `at` on, the last perhaps shorter."""
    if length % 4:
        return at
    line = re.compile(r"\r?\n([A-Za-z0-9+/_-]+)", re.ASCII)
    at += length
    while (found := line.match(text, at)) and len(found[1]) <= length:
        at = found.end()
        if len(found[1]) < length:
            break
    padding = re.compile("={0,2}").match(text, at)
    assert padding
    return padding.end()


def _from_base64(text: str) -> str | None:
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    if len(plain) % 4 == 1:
        return None
    return _readable(base64.b64decode(plain + "=" * (-len(plain) % 4)))


def _readable(raw: bytes) -> str | None:
    wide = re.fullmatch(rb"(?:\xff\xfe|\xfe\xff)?((?:[\x01-\x7f]\x00)+|(?:\x00[\x01-\x7f])+)", raw)
    if wide:
        raw = wide[1].replace(b"\0", b"")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    control = any(mark < " " and mark not in "\t\n\r" for mark in text) or "\x7f" in text
    return None if control else text
