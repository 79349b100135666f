"""A broker that is away does not fill the disk with log."""

import logging

import pytest

from agents import quiet
from agents.quiet import Once, hush_aiokafka


def record(name: str, message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "", 0, message, args, None)


def test_a_complaint_passes_once_in_a_while_with_the_number_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(quiet.time, "monotonic", lambda: now)
    once = Once()
    assert [once.filter(record("aiokafka.conn", "no %s", n)) for n in range(4)] == [True, False, False, False]
    assert once.filter(record("aiokafka.conn", "another"))
    now += quiet.EVERY
    late = record("aiokafka.conn", "no %s", 5)
    assert once.filter(late)
    assert late.getMessage() == "no 5 (3 more in between)"


def test_panlocks_own_lines_all_pass(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("aiokafka.some.part")
    hush_aiokafka()
    for number in range(3):
        logging.getLogger("aiokafka.some.part").error("no broker %s", number)
        logging.getLogger("agents.lane").error("lane %s", number)
    told = [record.getMessage() for record in caplog.records]
    assert list(dict.fromkeys(told)) == ["no broker 0", "lane 0", "lane 1", "lane 2"]
