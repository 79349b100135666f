"""An authorizer's log as a source of reports, where no authorizer of ours can be installed in the broker.

A report covers the lines between two looks. Where it ended is in its `access.covered` event, by which the next one goes
on: `resource` is {"log": "<node>/<incarnation>", "offset": "<bytes>"}. The incarnation is a hash of the file's first
line, so a file that was rotated is another; what is left of the former one is read first, if it lies beside.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pipeline.audit.access.auditor import Node, Where
from pipeline.audit.access.log_line import counted
from pipeline.audit.access.report import Access, Beyond, Report
from pipeline.errors import PanlockError

ENTRIES = 1_000  # accesses of one report


class LogFileError(PanlockError):
    """The log cannot be read."""


class Found(NamedTuple):
    report: Report
    where: Where


class LogFile:
    """`node`: the broker's id. Not a thread of its own: `look` reads what is there."""

    def __init__(self, node: int, path: Path, cluster: str) -> None:
        self.node, self.path, self.cluster = node, path, cluster
        self.source = f"{node}/log"
        self._offset, self._incarnation = 0, ""

    def remember(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Where the last event about this log says that it was."""
        for event in events:
            name, _, incarnation = str(event.get("resource", {}).get("log", "")).partition("/")
            if name == str(self.node):
                self._incarnation, self._offset = incarnation, int(event["resource"]["offset"])

    def look(self, known: Node | None, now: int) -> Iterator[Found]:
        """Reports of what came since. `known`: what the auditor knows of the last one; `now` in ms.

        Raises LogFileError.
        """
        try:
            with self.path.open("rb") as file:
                incarnation = _incarnation(file)
                if known is not None and self._incarnation not in ("", incarnation):
                    yield from self._rest(known, now)
                    self._offset = 0
                if incarnation:
                    self._incarnation = incarnation
                    yield from self._reports(file, known, now, last=False)
        except OSError as error:
            raise LogFileError(f"{self.path}: {error.strerror}: name the file of kafka.authorizer.logger") from error

    def _rest(self, known: Node, now: int) -> Iterator[Found]:
        """Of the file that this one has replaced."""
        for path in sorted(self.path.parent.glob(f"{self.path.name}*")):
            if path != self.path:
                with path.open("rb") as file:
                    if _incarnation(file) == self._incarnation:
                        yield from self._reports(file, known, now, last=True)
                        return

    def _reports(self, file: BinaryIO, known: Node | None, now: int, last: bool) -> Iterator[Found]:
        file.seek(self._offset)
        accesses, beyond = counted(self._lines(file))
        again = known is not None and known.incarnation == self._incarnation
        seq, started = (known.due, known.started) if again and known is not None else (0, now)
        where = {"log": f"{self.node}/{self._incarnation}", "offset": str(self._offset)}
        start = min(known.to if known is not None else now, now)
        for at in range(0, max(1, len(accesses)), ENTRIES):
            ends = at + ENTRIES >= len(accesses)
            part, rest = accesses[at : at + ENTRIES], beyond if ends else Beyond()
            yield Found(self._report(part, rest, (start, now), started, seq, last and ends), where)
            seq += 1

    def _lines(self, file: BinaryIO) -> Iterator[str]:
        """Those that are complete."""
        for line in file:
            if not line.endswith(b"\n"):
                return
            self._offset += len(line)
            yield line.decode(errors="replace")

    def _report(
        self, part: list[Access], beyond: Beyond, span: tuple[int, int], started: int, seq: int, last: bool
    ) -> Report:
        said = {"v": 1, "cluster": self.cluster, "node": self.node, "role": "log", "incarnation": self._incarnation}
        said |= {"started": started, "seq": seq, "from": span[0], "to": span[1], "last": last}
        return Report.model_validate({**said, "counts": tuple(part), "beyond": beyond})


def _incarnation(file: BinaryIO) -> str:
    """Empty while there is no complete line."""
    file.seek(0)
    line = file.readline(65_536)
    return sha256(line).hexdigest()[:16] if line else ""
