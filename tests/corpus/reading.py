"""The strings of a JSON document, and its numbers as they are written, each with its path."""

import json
from collections.abc import Iterator


class Number(str):
    """A JSON number as it is written."""


def texts(line: str) -> Iterator[tuple[str, str]]:
    """(path, unescaped string or literal), in the document's order."""
    return _texts(json.loads(line, parse_int=Number, parse_float=Number), "$")


def _texts(part: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(part, str):
        yield path, part
    elif isinstance(part, dict):
        for name, inner in part.items():
            yield from _texts(inner, f"{path}.{name}")
    elif isinstance(part, list):
        for index, inner in enumerate(part):
            yield from _texts(inner, f"{path}[{index}]")
