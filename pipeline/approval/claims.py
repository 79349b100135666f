"""JSON objects that somebody signed: no key twice, for what one reader signs, another must not read otherwise."""

import json
from typing import Any


def read_object(text: bytes) -> dict[str, object]:
    """Raises ValueError (RecursionError, for nesting without end)."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, object]:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a key twice")
        return dict(pairs)

    found = json.loads(text.decode(), object_pairs_hook=unique)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found
