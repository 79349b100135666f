"""The watchdog names the part of a worker that has stopped; a healthy or an idle worker it leaves alone."""

import asyncio
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agents import watchdog
from agents.watchdog import STUCK, _wrong


class Task:
    """A task that runs, or has ended."""

    def __init__(self, done: bool = False) -> None:
        self._done = done

    def done(self) -> bool:
        return self._done


def lane(busy: bool = False, opened: bool = True, ended: bool = False, for_seconds: float = 0.0) -> Any:
    return SimpleNamespace(
        busy=SimpleNamespace(locked=lambda: busy),
        opened=object() if opened else None,
        task=Task(ended),
        since=time.monotonic() - for_seconds,
        why_closed=None if opened else "opening",
    )


def worker(fetcher: bool = False, coordinator: bool = False, **lanes: Any) -> Any:
    kafka = SimpleNamespace(
        _fetcher=SimpleNamespace(_fetch_task=Task(fetcher)),
        _coordinator=SimpleNamespace(_coordination_task=Task(coordinator)),
    )
    consumer = SimpleNamespace(_thread=SimpleNamespace(_consumer=kafka))
    return SimpleNamespace(app=SimpleNamespace(consumer=consumer), lanes={0: lane(**lanes)})


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        pytest.param({}, None, id="healthy"),
        pytest.param({"for_seconds": 10 * STUCK}, None, id="an idle lane"),
        pytest.param({"busy": True, "for_seconds": STUCK / 2}, None, id="a slow transaction"),
        pytest.param({"busy": True, "for_seconds": STUCK + 1}, "lane 0 has made no progress", id="a stuck transaction"),
        pytest.param({"opened": False, "for_seconds": STUCK + 1}, "lane 0 has made no progress", id="a stuck opening"),
        pytest.param({"opened": False, "ended": True, "for_seconds": STUCK + 1}, None, id="a lane that stays closed"),
        pytest.param({"fetcher": True}, "fetcher has ended", id="no fetcher"),
        pytest.param({"coordinator": True}, "coordinator has ended", id="no coordinator"),
    ],
)
def test_what_is_wrong(parts: dict[str, Any], told: str | None) -> None:
    wrong = _wrong(worker(**parts))  # made here: an age counts from now
    assert wrong is None if told is None else wrong is not None and told in wrong


async def test_a_stopped_part_ends_the_worker_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "LOOK", 0.0)
    crashed: list[Exception] = []

    async def crash(error: Exception) -> None:
        crashed.append(error)

    broken = worker(fetcher=True)
    broken.app = SimpleNamespace(consumer=broken.app.consumer, crash=crash, sleep=asyncio.sleep, should_stop=False)
    await asyncio.wait_for(watchdog.watch(cast("Any", broken)), 5)
    assert len(crashed) == 1 and "the consumer's fetcher has ended" in str(crashed[0])
