"""A long-running process's log: every logger's lines in one form, and none that holds card data."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from agents import logs
from agents.logs import LogMetrics, Withholding, configure

PAN = "4111111111111111"
log = logging.getLogger("tests.logs")
Lines = Callable[[], list[dict[str, Any]]]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(logs, "_withholding", Withholding())
    monkeypatch.setattr(logging, "raiseExceptions", True)
    yield
    root.handlers[:], _ = handlers, root.setLevel(level)
    logging.captureWarnings(False)


@pytest.fixture
def lines() -> Lines:
    stream = io.StringIO()
    configure(stream)
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def withheld() -> list[float]:
    return [metric.samples[0].value for metric in LogMetrics().collect()]


def test_a_line_is_json_with_its_logger_level_time_and_lane(lines: Lines) -> None:
    said = 'a "reason" \udc80 with odd\nletters'  # not by `log`: pytest takes it down, and cannot send it on
    record = log.makeRecord("tests.logs", logging.ERROR, "", 0, "lane %d stays closed: %s", (3, said), None)
    with structlog.contextvars.bound_contextvars(lane=3):
        logging.getLogger().handlers[0].handle(record)
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": 'lane 3 stays closed: a "reason" ? with odd\nletters',
        "level": "error",
        "logger": "tests.logs",
        "lane": 3,
    }


@pytest.mark.parametrize("text", [PAN, "4111 1111 1111 1111", "customer said 5555-5555-5555-4444", f'{{"n":"{PAN}"}}'])
def test_a_line_with_a_card_number_is_withheld_and_counted(lines: Lines, text: str) -> None:
    log.warning("the first")
    log.warning("record says %s", text)
    first, second = lines()
    assert first["event"] == "the first"
    assert second["event"] == "a line of this logger was withheld: it held card data (pan)"
    assert (second["level"], second["logger"]) == ("critical", "tests.logs")
    assert "4111" not in json.dumps(second) and "5555" not in json.dumps(second)
    assert withheld() == [2, 1]


def test_what_an_exception_holds_is_looked_at_too(lines: Lines) -> None:
    try:
        raise ValueError(f"cannot read {PAN}")
    except ValueError:
        log.exception("it failed")
    log.exception("no number here", exc_info=ValueError("cannot read"))
    first, second = lines()
    assert PAN not in json.dumps(first) and "withheld" in first["event"]
    assert "ValueError: cannot read" in second["exception"]


def test_a_line_that_cannot_be_made_shows_nothing_of_its_arguments(
    lines: Lines, capfd: pytest.CaptureFixture[str]
) -> None:
    log.error("%d", PAN + "x")
    assert lines() == [] and PAN not in "".join(capfd.readouterr())


def test_lines_below_warning_are_sampled(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "ONE_IN", 4)
    for _ in range(400):
        log.info("record says %s", PAN)
    scanned, found = withheld()
    assert 20 < scanned == found < 300
    assert sum("withheld" in line["event"] for line in lines()) == found


def test_on_a_terminal_it_is_for_people_and_withholds_as_well() -> None:
    stream = Terminal()
    configure(stream)
    log.warning("lane 3 opens again")
    log.warning("record says %s", PAN)
    first, second = stream.getvalue().splitlines()
    assert "lane 3 opens again" in first and "\x1b[" in first and not first.startswith("{")
    assert PAN not in second and "withheld" in second


def test_what_operations_log_every_day_is_not_taken_for_card_data(lines: Lines) -> None:
    ordinary = [
        "lane 0 opens again after ProducerFenced() (None)",
        "quarantine.payments.checkout/11/1795500000000 keeps its records until the next purge",
        "issuer corp: 2 signing keys, 0123456789abcdef",
        "[Heartbeat] generation 1795507200123 of member faust-3.11.2-4f5c8b54-7575-4c0d-8e1f-111122223333",
    ]
    for each in ordinary:
        log.warning(each)
    assert [line["event"] for line in lines()] == ordinary
