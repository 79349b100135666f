"""What docs/detection.md says that the scan finds in a JSON value: the texts, their names, and what is in them."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from tests.properties.oracle_context import name_context, place_context
from tests.properties.oracle_decoding import blobs, undone
from tests.properties.oracle_masking import ENCRYPTED, LABELS, MASKED, cut, labelled, quoted
from tests.properties.oracle_pans import Finding, Text, excluded, pans, qualifies, text_of
from tests.properties.oracle_runs import Group, issued
from tests.properties.oracle_sad import by_name, codes, emv, ibans, tracks

DEPTH = 3
NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL
)


class Value(NamedTuple):
    """A string (`raw` with its quotes) or number of a document, at `start`; `name`: what its name tells."""

    path: str
    name: str
    raw: str
    start: int


class Found(NamedTuple):
    path: str
    class_: str
    network: str | None
    start: int
    end: int


def detect(line: str) -> list[Found]:
    made: list[Found] = []
    for value in values(line):
        if value.raw.startswith('"'):
            made += [Found(cut(value.path), *found) for found in string(value.raw, value.name)]
        else:
            made += [Found(cut(value.path), *found) for found in number(value.raw, value.name)]
    return made


def string(raw: str, name: str) -> list[Finding]:
    escaped = ESCAPE.findall(raw[1:-1])
    text = Text(json.loads(raw), hidden(escaped))
    return in_text(text, name, DEPTH, DEPTH)


def hidden(pieces: list[str]) -> tuple[bool, ...]:
    return tuple(piece.startswith("\\u") for piece in pieces)


def number(raw: str, name: str) -> list[Finding]:
    before, value = re.findall("[0-9]+", raw)[0], Decimal(raw)
    if name in ("cvv", "pin") and raw.isdecimal() and 3 + (name == "pin") <= len(raw) <= 4 + 8 * (name == "pin"):
        return [Finding("sad", None, 0, len(raw))]
    readings = [before]
    exponent = int(raw.lower().partition("e")[2] or 0)
    fraction = exponent == 0 and len(raw) < 60 and abs(value.adjusted()) < 40 and value != value.to_integral_value()
    if exponent and len(raw) < 60 and abs(value.adjusted()) < 40:
        readings.insert(0, str(abs(int(value))))
    for digits in readings:
        network = _number_network(digits, name, fraction)
        if network:
            return [Finding("pan", network[0], 0, len(raw))]
    return []


def _number_network(digits: str, name: str, fraction: bool) -> tuple[str | None] | None:
    """(network) of a card number, whose network may be unknown."""
    known = issued(digits) if 12 <= len(digits) <= 19 else None
    if name == "pan" and 12 <= len(digits) <= 19:
        return (known and known[1],)
    if known is None:
        return None
    level = {"pan": "raised", "raised": "raised", "lowered": "lowered"}.get(name, "neutral")
    if level != "raised" and (fraction or excluded(digits, [Group(0, len(digits))], 0, 0)):
        return None
    return (known[1],) if qualifies(known[0], level, "bare", (len(digits),)) else None


def in_text(text: Text, name: str, decodings: int, documents: int) -> list[Finding]:
    if documents and text.marks.lstrip()[:1] in ("{", "["):
        inner = in_document(text, name, decodings, documents)
        if inner is not None:
            return inner
    found: list[Finding] = []
    for others in (by_name(text, name), tracks(text), emv(text), ibans(text)):
        add(found, others)
    found += pans(text, name, found)
    if decodings == DEPTH:
        add(found, codes(text))
    if decodings:
        add(found, _undone(text, name, decodings, documents))
        add(found, _blobs(text, name, decodings, documents))
    return sorted(found, key=lambda each: each.start)


def in_document(text: Text, name: str, decodings: int, documents: int) -> list[Finding] | None:
    try:
        json.loads(text.marks, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    found: list[Finding] = []
    for value in values(text.marks, name):
        if not value.raw.startswith('"'):
            inner, places = number(value.raw, value.name), [(n, n + 1) for n in range(len(value.raw))]
        else:
            pieces, places = ESCAPE.findall(value.raw[1:-1]), []
            at = 1
            for piece in pieces:
                places.append((at, at + len(piece)))
                at += len(piece)
            inner = in_text(Text(json.loads(value.raw), hidden(pieces)), value.name, decodings, documents - 1)
        for each in inner:
            start, end = value.start + places[each.start][0], value.start + places[each.end - 1][1]
            found.append(each._replace(start=start, end=end))
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name comes twice")
    return dict(pairs)


def add(found: list[Finding], more: Iterator[Finding]) -> None:
    """Of findings that overlap, the one that covers more counts; of equal ones, the one that begins first."""
    for each in more:
        across = [one for one in found if one.start < each.end and each.start < one.end]
        if all((one.end - one.start, -one.start) < (each.end - each.start, -each.start) for one in across):
            found[:] = [one for one in found if one not in across] + [each]


def _undone(text: Text, name: str, decodings: int, documents: int) -> Iterator[Finding]:
    for pieces in undone(text.marks):
        decoded = tuple(piece.end - piece.start > 1 for piece in pieces)
        inner = Text("".join(piece.mark for piece in pieces), decoded)
        for each in in_text(inner, name, decodings - 1, documents):
            yield each._replace(start=pieces[each.start].start, end=pieces[each.end - 1].end)


def _blobs(text: Text, name: str, decodings: int, documents: int) -> Iterator[Finding]:
    for alternatives in blobs(text.marks):
        for decoded, start, end in alternatives:
            inner = in_text(text_of(decoded), place_context(text.marks, start, end, name), decodings - 1, documents)
            if inner:
                yield Finding(inner[0].class_, inner[0].network, start, end)


def values(text: str, name: str = "neutral") -> Iterator[Value]:
    """Member names too, each at the path of its object."""
    yield from _value(text, _space(text, 0), "$", name)[0]


def step(raw: str) -> str:
    """A member's step of a path, its name without what is found in it."""
    name = json.loads(raw)
    found = string(raw, "neutral")
    if found:
        return f'["[REDACTED:{found[0].class_.upper()}]"]'
    told = ENCRYPTED.sub(labelled, MASKED.sub(LABELS["pan"], name))
    return f".{told}" if re.fullmatch("[A-Za-z0-9_-]+", told) else f"[{quoted(told)}]"


def _space(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t", "\r", "\n"):
        at += 1
    return at


def _value(text: str, at: int, path: str, name: str) -> tuple[list[Value], int]:
    if text[at] == '"':
        end = _match(STRING, text, at)
        return [Value(path, name, text[at:end], at)], end
    if text[at] in "[{":
        return _inside(text, at, path, name)
    for word in ("true", "false", "null"):
        if text.startswith(word, at):
            return [], at + len(word)
    end = _match(NUMBER, text, at)
    return [Value(path, name, text[at:end], at)], end


def _inside(text: str, at: int, path: str, name: str) -> tuple[list[Value], int]:
    made: list[Value] = []
    close, index = "]" if text[at] == "[" else "}", 0
    at = _space(text, at + 1)
    while text[at] != close:
        inner_path, inner_name = f"{path}[{index}]", name
        if close == "}":
            end = _match(STRING, text, at)
            member = json.loads(text[at:end])
            made.append(Value(path, "neutral", text[at:end], at))
            inner_path, inner_name = path + step(text[at:end]), name_context(member, name)
            at = _space(text, _space(text, end) + 1)
        values_there, at = _value(text, at, inner_path, inner_name)
        made += values_there
        at = _space(text, at)
        at, index = _space(text, at + (text[at] == ",")), index + 1
    return made, at + 1


def _match(form: re.Pattern[str], text: str, at: int) -> int:
    found = form.match(text, at)
    assert found
    return found.end()


__all__ = ["Found", "detect"]
