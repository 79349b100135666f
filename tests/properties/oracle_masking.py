"""What masking must do, said once more as plainly as possible: no splices, no automaton, no speed.

The kernel (Rust) is compared with it byte for byte. It takes well-formed JSON only.
"""

import base64
import hashlib
import hmac
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Protocol

TABLE = Path(__file__).parents[2] / "kernel" / "data" / "iin.tsv"
IIN = [line.split("\t") for line in TABLE.read_text().splitlines() if not line.startswith("#")]
RUN = re.compile(r"[0-9](?:[ -]?[0-9])*")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
SPACE = re.compile(r"[ \t\r\n]*")
MASKED = re.compile(r"[0-9]{0,6}\*{5,}[0-9]{0,4}|tok_[a-z0-9]{1,16}_[a-z2-7]{32}")
BETWEEN = "./_\t\n\v\f\r\x85\N{MINUS SIGN}\N{COMBINING GRAPHEME JOINER}\u30fc\uff70"
ENCRYPTED = re.compile(r"\b[0-9]{13,19}\b")
PASSES = 6
LABELS = {"pan": "[REDACTED:PAN]", "sad": "[REDACTED:SAD]"}


def luhn_digit(digits: str) -> str:
    """The check digit that makes `digits` a card number."""
    return next(str(last) for last in range(10) if luhn_is_valid(digits + str(last)))


def luhn_is_valid(digits: str) -> bool:
    doubled = [str(int(digit) * (1 + place % 2)) for place, digit in enumerate(reversed(digits))]
    return sum(int(digit) for digit in "".join(doubled)) % 10 == 0


def is_card_number(digits: str) -> bool:
    def issued(low: str, high: str, alone: str, context: str, luhn: str) -> bool:
        length_fits = str(len(digits)) in f"{alone},{context}".split(",")
        return luhn == "yes" and length_fits and low <= digits[: len(low)] <= high

    return 12 <= len(digits) <= 19 and luhn_is_valid(digits) and any(issued(*row[1:]) for row in IIN)


def digits_of(text: str) -> str | None:
    """ASCII digits of a text that is digits and separators alone."""
    digits = "".join(str(unicodedata.digit(char)) for char in text if char.isdigit())
    between = all(
        char.isdigit() or char in BETWEEN or unicodedata.category(char) in ("Zs", "Zl", "Zp", "Pd", "Cf")
        for char in text
    )
    return digits if digits and between else None


def labelled(number: re.Match[str]) -> str:
    """A number in the form that format-preserving encryption gives: its check digit is one too high."""
    right = str((int(number[0][-1]) - 1) % 10)
    return LABELS["pan"] if luhn_is_valid(number[0][:-1] + right) else number[0]


class Unsure(Exception):
    """What the oracle does not know: encoded numbers, and texts that come to no end in PASSES."""


class Refused(Exception):
    """Reason and place."""


class Finder(Protocol):
    """What is a card number, by its place under member names (outermost first) and how it is written."""

    def text(self, names: Sequence[str], pieces: Sequence[str]) -> list[tuple[int, int]]:
        """Places in a text whose characters are written as `pieces`, left to right."""

    def number(self, names: Sequence[str], raw: str) -> bool: ...


@dataclass
class Plain:
    """Groups of ASCII digits with a space or hyphen between them, whatever stands around: for speed alone."""

    def text(self, names: Sequence[str], pieces: Sequence[str]) -> list[tuple[int, int]]:
        text, found = "".join(piece if len(piece) == 1 else "\0" for piece in pieces), []
        for run in RUN.finditer(text):
            at = run.start()
            while at < run.end():
                window = self._longest(text, at, run.end())
                if window:
                    found.append((at, window))
                at = (window or next((n for n in range(at, run.end()) if text[n] in " -"), run.end())) + 1
        return found

    @staticmethod
    def _longest(text: str, start: int, run_end: int) -> int | None:
        ends = [n for n in range(start, run_end + 1) if n == run_end or text[n] in " -"]
        return next((end for end in reversed(ends) if is_card_number(re.sub("[ -]", "", text[start:end]))), None)

    def number(self, names: Sequence[str], raw: str) -> bool:
        return is_card_number(re.findall("[0-9]+", raw)[0])


@dataclass
class Oracle:
    """`fields`: (steps, class, strategy); steps are ("name" | "anywhere", text) and ("items", "")."""

    keys: dict[str, bytes]
    active: str
    fields: list[tuple[tuple[tuple[str, str], ...], str, str]]
    scan: str
    finder: Finder = field(default_factory=Plain)
    findings: list[dict[str, str]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    # what is done to a text

    def token(self, text: str) -> str:
        normal = digits_of(text) or text
        mac = hmac.new(self.keys[self.active], b"panlock-token-v1\0" + normal.encode(), hashlib.sha256).digest()
        return f"tok_{self.active}_" + base64.b32encode(mac[:20]).decode().lower()

    def mask(self, text: str, class_: str, strategy: str) -> tuple[str, str]:
        digits = digits_of(text) or ""
        if strategy == "token":
            return self.token(text), "token"
        if strategy == "partial" and len(digits) >= 12:
            first = 6 if len(digits) >= 15 else 0
            return digits[:first] + "*" * (len(digits) - first - 4) + digits[-4:], "partial"
        return LABELS[class_], "redact"

    def is_token(self, text: str) -> bool:
        form = re.compile(f"tok_({'|'.join(self.keys)})_[a-z2-7]{{32}}")
        return bool(form.fullmatch(text)) and not any(is_card_number(run) for run in re.findall("[0-9]+", text))

    def is_masked(self, text: str, class_: str, strategy: str) -> bool:
        partial = re.fullmatch(r"[0-9]{6}\*{5,}[0-9]{4}|\*{8,10}[0-9]{4}", text)
        if strategy == "drop":
            return False
        if class_ == "sad":
            return text == LABELS["sad"]
        return (
            (strategy != "token" and text == LABELS["pan"])
            or self.is_token(text)
            or (strategy == "partial" and partial is not None)
        )

    def mask_text(self, pieces: list[str], strategy: str, names: Sequence[str]) -> str | None:
        """`pieces`: how each character of the text is written; None where there is no card number."""
        changed = False
        for _ in range(PASSES):
            spans = self.finder.text(names, pieces)
            if not spans:
                return "".join(pieces) if changed else None
            for start, end in reversed(spans):
                digits = digits_of(json.loads('"' + "".join(pieces[start:end]) + '"'))
                if digits is None:
                    raise Unsure
                pieces = pieces[:start] + list(self.mask(digits, "pan", strategy)[0]) + pieces[end:]
            changed = True
        raise Unsure

    # the walk: gives the masked text of a value, None for one that is dropped

    def outcome(self, text: str) -> str | Refused:
        try:
            return self.document(text)
        except Refused as refused:
            return refused

    def document(self, text: str) -> str:
        start = SPACE.match(text).end()  # type: ignore[union-attr]
        masked, end = self.value(text, start, [(rule, 0) for rule in range(len(self.fields))], "$", False)
        assert masked is not None
        return text[:start] + masked + text[end:]

    def value(
        self, text: str, at: int, places: list[tuple[int, int]], path: str, droppable: bool
    ) -> tuple[str | None, int]:
        rules = [rule for rule, taken in places if taken == len(self.fields[rule][0])]
        rule = min(rules, key=lambda rule: (self.fields[rule][1] != "sad", rule), default=None)
        if text[at] in "{[":
            if rule is not None:
                raise Refused("field-type", cut(path))
            return self.members(text, at, places, path) if text[at] == "{" else self.items(text, at, places, path)
        if text[at] == '"':
            end = STRING.match(text, at).end()  # type: ignore[union-attr]
            return self.string(text[at:end], rule, path, droppable), end
        word = next((word for word in ("true", "false", "null") if text.startswith(word, at)), None)
        if word:
            whole = rule if word != "null" else None
            return (word if whole is None else self.whole(word, whole, path, droppable)), at + len(word)
        end = NUMBER.match(text, at).end()  # type: ignore[union-attr]
        return self.number(text[at:end], rule, path, droppable), end

    def string(self, raw: str, rule: int | None, path: str, droppable: bool) -> str | None:
        content = json.loads(raw)
        if rule is not None:
            if self.is_masked(content, *self.fields[rule][1:]):
                return raw
            return self.whole(content, rule, path, droppable)
        masked = self.mask_text(written(raw), "redact" if self.scan == "drop" else self.scan, self.names)
        if masked is None:
            return raw
        if self.scan == "drop" and droppable:
            self.found(path, "pan", "drop", "scan")
            return None
        self.found(path, "pan", "redact" if self.scan == "drop" else self.scan, "scan")
        return f'"{masked}"'

    def number(self, raw: str, rule: int | None, path: str, droppable: bool) -> str | None:
        names = [] if rule is not None else self.names
        card = self.finder.number(names, raw)
        digits = re.findall("[0-9]+", raw)[0]
        if card and "e" in raw.lower() and abs(Decimal(raw).adjusted()) < 40:
            by_value = str(int(abs(Decimal(raw))))
            digits = by_value if self.finder.number(names, by_value) else digits
        if rule is not None:
            return self.whole(digits if card else raw, rule, path, droppable)
        if not card:
            return raw
        if self.scan == "drop" and droppable:
            self.found(path, "pan", "drop", "scan")
            return None
        masked, used = self.mask(digits, "pan", self.scan)
        self.found(path, "pan", used, "scan")
        return f'"{masked}"'

    def whole(self, content: str, rule: int, path: str, droppable: bool) -> str | None:
        _, class_, strategy = self.fields[rule]
        if strategy == "drop" and droppable:
            self.found(path, class_, "drop", "field")
            return None
        masked, used = self.mask(content, class_, strategy)
        self.found(path, class_, used, "field")
        return f'"{masked}"'

    def items(self, text: str, at: int, places: list[tuple[int, int]], path: str) -> tuple[str, int]:
        out, at = "[", at + 1
        for index in range(len(text)):
            at, out = take_space(text, at, out)
            if text[at] == "]":
                break
            inside = self.step(places, ("items", ""))
            masked, at = self.value(text, at, inside, f"{path}[{index}]", False)
            at, out = take_space(text, at, out + str(masked))
            if text[at] == ",":
                at, out = at + 1, out + ","
        return out + "]", at + 1

    def members(self, text: str, at: int, places: list[tuple[int, int]], path: str) -> tuple[str, int]:
        """Each member: (space before its name, name to value or None if dropped, space behind its value)."""
        at, before = take_space(text, at + 1, "")
        parts: list[tuple[str, str | None, str]] = []
        names: set[str] = set()
        while text[at] != "}":
            end = STRING.match(text, at).end()  # type: ignore[union-attr]
            name = json.loads(text[at:end])
            masked_name = self.mask_text(written(text[at:end]), "redact" if self.scan == "drop" else self.scan, [])
            shown = name if masked_name is None else json.loads(f'"{masked_name}"')
            told = ENCRYPTED.sub(labelled, MASKED.sub(LABELS["pan"], shown))
            inner = path + (f".{told}" if re.fullmatch("[A-Za-z0-9_-]+", told) else f"[{quoted(told)}]")
            if masked_name is not None:
                self.found(inner, "pan", "redact" if self.scan == "drop" else self.scan, "scan")
            if shown in names:
                raise Refused("duplicate-key", cut(inner))
            names.add(shown)
            value_at = re.compile(r"[ \t\r\n]*:[ \t\r\n]*").match(text, end).end()  # type: ignore[union-attr]
            self.names.append(name)
            value, value_end = self.value(text, value_at, self.step(places, ("name", name)), inner, True)
            self.names.pop()
            new_name = text[at:end] if masked_name is None else f'"{masked_name}"'
            whole = None if value is None else new_name + text[end:value_at] + value
            at, behind = take_space(text, value_end, "")
            parts.append((before, whole, behind))
            if text[at] == ",":
                at, before = take_space(text, at + 1, "")
        return "{" + joined(parts, before) + "}", at + 1

    def step(self, places: list[tuple[int, int]], towards: tuple[str, str]) -> list[tuple[int, int]]:
        return list(self._step(places, towards))

    def _step(self, places: list[tuple[int, int]], towards: tuple[str, str]) -> Iterator[tuple[int, int]]:
        for rule, taken in places:
            steps = self.fields[rule][0]
            if taken == len(steps):
                continue
            kind, name = steps[taken]
            if kind == "anywhere":
                yield rule, taken
            if (kind, name) == towards or (kind == "anywhere" and towards == ("name", name)):
                yield rule, taken + 1

    def found(self, path: str, class_: str, strategy: str, by: str) -> None:
        key = {"key": self.active} if strategy == "token" else {}
        self.findings.append({"path": cut(path), "class": class_, "strategy": strategy, "by": by, **key})


def joined(parts: list[tuple[str, str | None, str]], only_space: str) -> str:
    """Members with their commas; a dropped one goes with the comma before it, or else the one behind."""
    if not parts:
        return only_space
    out, stays = parts[0][0], False
    for index, (before, whole, behind) in enumerate(parts):
        last = index == len(parts) - 1
        if whole is not None:
            out += ("," + before if stays else "") + whole + behind
            stays = True
        elif stays or last:
            # what stood behind the value stays, and so does, after a member, what stood behind that one
            out += behind
    return out


def take_space(text: str, at: int, out: str) -> tuple[int, str]:
    end = SPACE.match(text, at).end()  # type: ignore[union-attr]
    return end, out + text[at:end]


def cut(path: str) -> str:
    """At most 200 bytes, with an ellipsis where something is missing."""
    raw = path.encode()
    return path if len(raw) <= 200 else raw[:197].decode(errors="ignore") + "…"


def written(raw: str) -> list[str]:
    """How each character of a string token is written."""
    pair = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    return re.findall(pair + r"|\\u[0-9a-fA-F]{4}|\\.|[^\\]", raw[1:-1], re.DOTALL)


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
