"""The log of a process that runs for long: lines of JSON, or colours where somebody looks; none with card data.

Every logger writes through here, Panlock's and its libraries' alike, to one stream. A line says when, how bad, which
logger, what, and the lane where there is one: never a payload. In case one does, the kernel scans each line from
WARNING on and a sample of the others: one that holds card data is withheld, and counted.
"""

import logging
import random
import sys
from collections.abc import Iterator
from typing import TextIO

import orjson
import structlog
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector
from structlog.contextvars import merge_contextvars
from structlog.stdlib import ProcessorFormatter, add_log_level, add_logger_name
from structlog.types import EventDict, Processor, WrappedLogger

from agents.quiet import hush_aiokafka
from pipeline.audit.leaks import leaks

ONE_IN = 16  # of lines below WARNING
_PLAIN = (int, float, bool, type(None))


class Withholding:
    """A structlog processor. `scanned`, `withheld`: lines so far."""

    def __init__(self) -> None:
        self.scanned = self.withheld = 0
        self._chance = random.SystemRandom()

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        if event["level"] in ("debug", "info") and self._chance.randrange(ONE_IN):
            return event
        self.scanned += 1
        found = sorted({leak.kind for leak in leaks(orjson.dumps(event))})
        if not found:
            return event
        self.withheld += 1
        kept = {name: event[name] for name in ("timestamp", "logger", "lane") if name in event}
        what = f"a line of this logger was withheld: it held card data ({', '.join(found)})"
        return {"event": what, "level": "critical", **kept}


_withholding = Withholding()


def configure(stream: TextIO = sys.stderr) -> None:
    """Once, at the start of a process. Colours if `stream` is a terminal."""
    terminal = stream.isatty()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ProcessorFormatter(processors=list(_processors(terminal, _withholding))))
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    logging.raiseExceptions = False  # else a line that cannot be written shows its arguments
    logging.captureWarnings(True)
    hush_aiokafka()


class LogMetrics(Collector):
    """Of this process."""

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily("panlock_log_lines_scanned", "Looked at for card data", _withholding.scanned)
        yield CounterMetricFamily("panlock_log_lines_withheld", "That held some", _withholding.withheld)


def _processors(terminal: bool, withholding: Withholding) -> Iterator[Processor]:
    yield merge_contextvars
    yield add_logger_name
    yield add_log_level
    yield structlog.processors.TimeStamper(fmt="iso", utc=True)
    yield structlog.processors.format_exc_info
    yield ProcessorFormatter.remove_processors_meta
    yield _printable
    yield withholding
    yield structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(_json)


def _printable(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Text where nothing else can be written: what is no UTF-8 has question marks."""
    return {
        name: value if isinstance(value, _PLAIN) else str(value).encode(errors="replace").decode()
        for name, value in event.items()
    }


def _json(event: EventDict, **_: object) -> str:
    return orjson.dumps(event).decode()
