"""Who asked for what a record does, as the record itself says it: they do not count as an approver of it."""

import re

import orjson

PATH = re.compile(r"\$(\.[A-Za-z0-9_-]{1,64}){1,8}")  # members alone: one record, one requester
UNKNOWN = ""  # the record does not say: nobody can be shown not to be the requester


def requester_of(path: str, value: bytes | None) -> str:
    """The string at `path` of a masked JSON record; UNKNOWN where there is none."""
    try:
        found = orjson.loads(value or b"null")
    except ValueError:
        return UNKNOWN
    for name in path.split(".")[1:]:
        found = found.get(name) if isinstance(found, dict) else None
    return found.strip() if isinstance(found, str) and len(found) <= 254 else UNKNOWN


def same_person(one: str, other: str) -> bool:
    """People are told apart by their names, not by how they are spelt."""
    return one.strip().casefold() == other.strip().casefold()
