"""Nothing that Panlock emits holds card data: the kernel's own scan looks at what was emitted.

Of an event it looks at every string and number where it stands, so a member's name counts as it does in a record
(docs/detection.md). Hashes, keys, signatures and record ids are no card numbers to it: none among 30,000 events with
random ones, some twenty in each. Where a place is told, it is told masked.
"""

from typing import NamedTuple

import orjson

from pipeline.approval.said import masked
from pipeline.masking.scan import scan


class Leak(NamedTuple):
    """`kind`: pan, sad or iban; `path`: where in the event."""

    kind: str
    path: str


def leaks(event: bytes) -> list[Leak]:
    """Of one event, or any JSON. What is no JSON has none."""
    found = orjson.loads(scan(event))["findings"]
    return [Leak(each["class"], masked(str(each["path"]))) for each in found]


def in_text(text: bytes) -> list[Leak]:
    """Of text, line by line; the path is the line's number. What is no UTF-8 is read as far as it is."""
    lines = text.decode(errors="replace").splitlines()
    return [
        Leak(each.kind, f"line {number}") for number, line in enumerate(lines, 1) for each in leaks(orjson.dumps(line))
    ]
