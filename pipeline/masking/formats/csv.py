"""CSV (RFC 4180): rows of fields, edited in place. Every row is an object by column, so that rules read `$[*].pan`.

    pan,name        [{"pan": "4111…", "name": "A"},        columns: header, the first row's names
    4111…,A          {"pan": "5555…", "name": "B"}]        columns: index, names 1, 2, 3 …; or the names in a list
    5555…,B

A quoted field may hold delimiters, line breaks and doubled quotes. Rows must have as many fields as there are columns;
empty lines are no rows. What masking drops leaves an empty field.
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import orjson

from pipeline.masking.formats.format import Malformed, Unwritable
from pipeline.masking.formats.text import utf8
from pipeline.record import Reason

MOST_FIELDS = 200_000  # about 0.3 s
Columns = Literal["header", "index"] | Sequence[str]


class Field(NamedTuple):
    start: int
    end: int
    text: str


class Csv:
    """One document; `text` is its value, `header` whether the first row names the columns."""

    def __init__(self, text: str, rows: list[list[Field]], names: Sequence[str], header: bool, delimiter: str) -> None:
        self._text, self._names, self._needs_quotes = text, names, re.compile(f'[{re.escape(delimiter)}"\r\n]')
        self._rows = rows[1:] if header else rows
        content = [dict(zip(names, (field.text for field in row), strict=True)) for row in self._rows]
        # column names are scanned with each row: where there is none, one of nulls
        self.json = orjson.dumps(content or [dict.fromkeys(names)])

    def write(self, masked: bytes) -> bytes:
        out, at = [], 0
        for number, (row, after) in enumerate(zip(self._rows, orjson.loads(masked), strict=False)):
            if not after.keys() <= set(self._names):
                raise Unwritable(f"$[{number}]")  # a card number in a column's name
            for name, field in zip(self._names, row, strict=True):
                text = after.get(name, "")
                if text != field.text:
                    out += [self._text[at : field.start], self._written(text)]
                    at = field.end
        if not self._rows:
            raise Unwritable("$[0]")
        return "".join([*out, self._text[at:]]).encode()

    def _written(self, text: str) -> str:
        return '"' + text.replace('"', '""') + '"' if self._needs_quotes.search(text) else text


class CsvFormat:
    def __init__(self, columns: Columns = "header", delimiter: str = ",") -> None:
        self._columns, self._delimiter = columns, delimiter
        odd = re.escape(delimiter)
        self._field = re.compile(f'"((?:[^"]|"")*+)"|([^{odd}"\r\n][^{odd}\r\n]*+|)')

    def read(self, value: bytes) -> Csv:
        text = utf8(value)
        rows = self._rows(text)
        names = self._names(rows)
        for row in rows:
            if len(row) != len(names):
                raise Malformed(f"byte {_byte(text, row[0].start)}")
        return Csv(text, rows, names, self._columns == "header", self._delimiter)

    def _names(self, rows: list[list[Field]]) -> Sequence[str]:
        if not isinstance(self._columns, str):
            return self._columns
        first = rows[0] if rows else []
        if self._columns == "index":
            return [str(number) for number in range(1, len(first) + 1)]
        names = [field.text for field in first]
        if len(set(names)) < len(names):
            raise Malformed("byte 0", Reason.DUPLICATE_KEY)
        return names

    def _rows(self, text: str) -> list[list[Field]]:
        rows: list[list[Field]] = []
        row: list[Field] = []
        at, fields = len(text) - len(text.removeprefix("\ufeff")), 0
        while True:
            found = self._field.match(text, at)
            if found is None:
                raise Malformed(f"byte {_byte(text, at)}")
            quoted = found[1]
            row.append(Field(at, found.end(), found[0] if quoted is None else quoted.replace('""', '"')))
            at, fields = found.end(), fields + 1
            if fields > MOST_FIELDS:
                raise Malformed(f"byte {_byte(text, at)}", Reason.TOO_LARGE)
            after = text[at : at + 1]
            if after == self._delimiter:
                at += 1
                continue
            if after not in ("", "\r", "\n"):
                raise Malformed(f"byte {_byte(text, at)}")
            if len(row) > 1 or row[0].end > row[0].start:
                rows.append(row)
            row = []
            if not after:
                return rows
            at += 2 if text.startswith("\r\n", at) else 1


def _byte(text: str, at: int) -> int:
    return len(text[:at].encode())
