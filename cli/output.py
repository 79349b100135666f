"""What the commands print: data to stdout, messages to stderr, JSON where a program reads.

Text from Kafka is shown as it is, but never obeyed: no markup of ours and no control character of a terminal's.
"""

import os
import sys
from collections.abc import Iterable
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON to stdout, for programs.")]

WIDE = 240  # columns where stdout is no terminal: a table in a file or a pipe is not folded


class OutputClosedError(Exception):
    """Whoever reads stdout has gone (`| head`): nothing is wrong, and nothing more is to be said."""


def write(data: bytes) -> None:
    """Raises OutputClosedError."""
    try:
        sys.stdout.buffer.write(data)
    except BrokenPipeError as error:
        raise OutputClosedError from error


def print_json(value: object) -> None:
    """One JSON document and a line feed. Raises OutputClosedError."""
    write(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def print_json_lines(values: Iterable[object]) -> None:
    """NDJSON. Raises OutputClosedError."""
    for value in values:
        write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))


def print_table(table: Table) -> None:
    """Raises OutputClosedError."""
    show(table)


def show(*what: object) -> None:
    """Tables and texts for people, on stdout. Raises OutputClosedError."""
    try:
        Console(width=None if sys.stdout.isatty() else WIDE).print(*what, soft_wrap=False)
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise OutputClosedError from error


def print_lines(lines: Iterable[str]) -> None:
    """Text for people, on stdout. Raises OutputClosedError."""
    for line in lines:
        show(plain(line))


def say(message: str) -> None:
    """A message for people, on stderr."""
    Console(stderr=True, soft_wrap=True).print(plain(message), highlight=False)


def plain(value: object) -> Text:
    """Text from outside for a cell or a line: control characters become visible, markup stays text."""
    return Text("".join(_visible(letter) for letter in str(value)))


def _visible(letter: str) -> str:
    if letter.isprintable() or letter == "\n":
        return letter
    return letter if letter.isspace() and letter not in "\t\r\x0b\x0c\x1c\x1d\x1e\x1f\x85" else repr(letter)[1:-1]


def progress(unit: str) -> Progress:
    """A progress bar on stderr; nothing is drawn where that is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def discard_stdout() -> None:
    """Keep the interpreter's last flush from failing once the reader has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
