"""Tells the story: on a terminal each step is live, with a spinner and its seconds; elsewhere it is plain lines.

[4/12] two workers share 4 lanes … ok (2.9 s)
        w1 has lanes 0 and 2, w2 has lanes 1 and 3
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

INDENT = 8
PLAIN_WIDTH = 120  # columns of a table where stdout is no terminal


class Step:
    """One step being told; rendered again and again while it runs."""

    def __init__(self, title: str) -> None:
        self.title, self.notes = title, list[str]()
        self._began, self._spinner = time.monotonic(), Spinner("dots")
        self._ending: tuple[str, str] | None = None

    def end(self, word: str, style: str) -> str:
        """The finished line."""
        self._ending = f"{word} ({time.monotonic() - self._began:.1f} s)", style
        return f"{self.title} … {self._ending[0]}"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._ending is None:
            line = Table.grid(padding=(0, 1))
            line.add_row(Text(f"{self.title} …"), self._spinner, f"{time.monotonic() - self._began:.0f} s")
            yield line
        else:
            yield Text.assemble(f"{self.title} … ", self._ending)
        for note in self.notes:
            yield Padding(Text(note, style="dim", overflow="fold"), (0, 0, 0, INDENT))


class Narrator:
    """Numbers its steps itself, 1 to `steps`."""

    def __init__(self, steps: int, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self.live = self.console.is_terminal and not self.console.is_dumb_terminal
        self.at = "the set-up"
        self._steps, self._number = steps, 0
        self._step: Step | None = None
        self._open = False  # plain: a line has been begun and not ended

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """A numbered step; `ok` unless it raises."""
        self._number += 1
        self.at = f"step {self._number} ({what})"
        with self._tell(Step(f"[{self._number}/{self._steps}] {what}")):
            yield

    @contextmanager
    def work(self, what: str) -> Iterator[None]:
        """What comes after the numbered steps."""
        self.at = what
        with self._tell(Step(what)):
            yield

    def note(self, text: str) -> None:
        """Something that happened in the step."""
        if self._step is None:
            self._plain(text)
            return
        self._step.notes.append(text)
        if not self.live:
            self._plain("\n" * self._open + " " * INDENT + text)
            self._open = False

    def table(self, table: Table) -> None:
        console = self.console if self.live else Console(file=sys.stdout, width=PLAIN_WIDTH, highlight=False)
        console.print(table)

    def say(self, text: str) -> None:
        """A line of its own."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def _tell(self, step: Step) -> Iterator[None]:
        self._step = step
        shown = self._lively(step) if self.live else self._plainly(step)
        try:
            with shown:
                yield
        finally:
            self._step = None

    @contextmanager
    def _lively(self, step: Step) -> Iterator[None]:
        with Live(step, console=self.console, refresh_per_second=10):
            try:
                yield
            except BaseException as error:
                step.end(_broken_off(error), "bold red")
                raise
            step.end("ok", "green")

    @contextmanager
    def _plainly(self, step: Step) -> Iterator[None]:
        self._plain(f"{step.title} …", end="")
        self._open = True
        try:
            yield
        except BaseException as error:
            self._close(step.end(_broken_off(error), ""))
            raise
        self._close(step.end("ok", ""))

    def _close(self, line: str) -> None:
        self._plain(line.rpartition(" …")[2] if self._open else line)
        self._open = False

    def _plain(self, text: str, end: str = "\n") -> None:
        print(text, end=end, flush=True)


def _broken_off(error: BaseException) -> str:
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "not as told"
