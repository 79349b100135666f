"""CSV that a spreadsheet shows and does not obey: what it would take for a formula begins with an apostrophe.

Text of others (record ids, reasons, names) that begins with = + - @, a tab or a carriage return, or with one of their
full-width kin, is what OWASP calls CSV injection. Numbers, times and what Panlock itself counts stay as they are.
"""

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def as_csv(names: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """UTF-8, CRLF (RFC 4180)."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple):
        return cell("; ".join(str(each) for each in value))
    text = str(value)
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_FORMULA) or text.startswith(_FORMULA) else text
