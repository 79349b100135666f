"""What looks for card numbers: Panlock, presidio-analyzer's recogniser, scrubadub's detector, digits with Luhn.

Panlock reads the JSON itself. The others take texts: they get each string, unescaped, and each number as it is written,
which is the most that a program around them could do.
"""

import importlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.masking.scan import scan
from tests.corpus.reading import texts

RUN = re.compile(r"\b[0-9](?:[ -]?[0-9]){11,18}\b")


class Found(NamedTuple):
    """Characters of the string, or of the number's literal, at `path`."""

    path: str
    start: int
    end: int


Detect = Callable[[str], list[Found]]
InText = Callable[[str], Iterator[tuple[int, int]]]


def panlock(line: str) -> list[Found]:
    findings = json.loads(scan(line.encode()))["findings"]
    return [Found(each["path"], each["start"], each["end"]) for each in findings if each["class"] in ("pan", "sad")]


def of_texts(find: InText) -> Detect:
    def detect(line: str) -> list[Found]:
        return [Found(path, *span) for path, text in texts(line) for span in find(text)]

    return detect


def luhn(text: str) -> Iterator[tuple[int, int]]:
    """What most programs do: twelve to nineteen digits, spaces and hyphens between them, and the check digit."""
    for found in RUN.finditer(text):
        digits = [int(digit) for digit in reversed(found[0]) if digit.isdigit()]
        if (sum(digits[::2]) + sum(digit * 2 - 9 * (digit > 4) for digit in digits[1::2])) % 10 == 0:
            yield found.span()


def presidio() -> InText:
    """The recogniser alone: its validation decides, the language model around it would only add context."""
    recognizer: Any = importlib.import_module("presidio_analyzer.predefined_recognizers").CreditCardRecognizer()

    def find(text: str) -> Iterator[tuple[int, int]]:
        for result in recognizer.analyze(text, ["CREDIT_CARD"], None):
            yield result.start, result.end

    return find


def scrubadub() -> InText:
    detector: Any = importlib.import_module("scrubadub.detectors").CreditCardDetector()

    def find(text: str) -> Iterator[tuple[int, int]]:
        for filth in detector.iter_filth(" " + text):  # it looks behind white space alone
            yield filth.beg - 1, filth.end - 1

    return find


def detectors() -> Mapping[str, Detect]:
    return {
        "panlock": panlock,
        "presidio": of_texts(presidio()),
        "scrubadub": of_texts(scrubadub()),
        "luhn": of_texts(luhn),
    }
