"""Where something is in a document: the paths of findings, of rejections and of field rules."""

import re

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def member(place: str, name: str) -> str:
    """The place of a member: `$.card` and `number` give `$.card.number`; odd names go in brackets."""
    if _PLAIN.match(name):
        return f"{place}.{name}"
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'{place}["{escaped}"]'


def item(place: str, index: int) -> str:
    return f"{place}[{index}]"
