"""Plain text: the whole value is one string, at path `$`."""

from typing import NamedTuple

import orjson

from pipeline.masking.formats.format import Malformed
from pipeline.record import Reason


def utf8(value: bytes) -> str:
    """Raises Malformed: invalid-utf8."""
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"byte {error.start}", Reason.INVALID_UTF8) from None


class Text(NamedTuple):
    json: bytes

    def write(self, masked: bytes) -> bytes:
        return str(orjson.loads(masked)).encode()


class TextFormat:
    def read(self, value: bytes) -> Text:
        return Text(orjson.dumps(utf8(value)))
