"""A held value for the eyes of an approver: JSON indented, text as it is, bytes with what is legible beside."""

from collections.abc import Iterator

import orjson

from cli.layout import indented

_ROW = 16  # bytes a line of a dump


def value_text(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return "\n".join(_dump(value))
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return text if all(letter.isprintable() or letter.isspace() for letter in text) else "\n".join(_dump(value))
    return indented(text)


def _dump(value: bytes) -> Iterator[str]:
    for at in range(0, len(value), _ROW):
        row = value[at : at + _ROW]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{at:06x}  {row.hex(' '):<{_ROW * 3}} {letters}"
