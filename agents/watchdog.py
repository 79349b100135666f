"""Ends the worker, non-zero and with a message, when a part of it has stopped. Replaces Kafka's poll interval."""

import logging
import time
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError
from faust.types import TP

from pipeline.errors import PanlockError

if TYPE_CHECKING:
    from agents.app import Worker

log = logging.getLogger(__name__)

LOOK = 1.0  # seconds
STUCK = 90.0  # seconds that an opening or a transaction with its retries may take
COMPARE = 10.0  # seconds between looks at the topics' UUIDs
GROUP_COMMIT = 5.0  # seconds between commits of the group's offsets, which are for lag tools alone


class StoppedPartError(PanlockError):
    """A task that should run as long as the worker has ended, or makes no progress."""


async def slept(worker: "Worker", seconds: float) -> bool:
    """Whether the worker still runs after so many seconds: a stop ends the sleep early."""
    await worker.app.sleep(seconds)
    return not worker.app.should_stop


async def watch(worker: "Worker") -> None:
    """Look once a second at the consumer's tasks and the lanes' progress."""
    while await slept(worker, LOOK):
        wrong = _wrong(worker)
        if wrong is not None:
            log.critical("%s", wrong)
            await worker.app.crash(StoppedPartError(wrong))
            return


def _wrong(worker: "Worker") -> str | None:
    consumer = getattr(worker.app.consumer, "_thread", None)
    kafka = getattr(consumer, "_consumer", None)
    if kafka is not None:
        tasks = {"fetcher": kafka._fetcher and kafka._fetcher._fetch_task}
        tasks["coordinator"] = getattr(kafka._coordinator, "_coordination_task", None)
        for name, task in tasks.items():
            if task is not None and task.done():
                return f"the consumer's {name} has ended: {task!r}; restart the worker"
    for number, lane in worker.lanes.items():
        working = lane.busy.locked() or (lane.opened is None and not lane.task.done())
        if working and time.monotonic() - lane.since > STUCK:
            return f"lane {number} has made no progress for {STUCK:.0f} s ({lane.why_closed or 'in a transaction'})"
    return None


async def compare_topics_often(worker: "Worker") -> None:
    """A topic recreated under an open lane must not be read on from the former one's position."""
    while await slept(worker, COMPARE):
        await compare_topics(worker)
        for number, lane in worker.lanes.items():
            if lane.overtaken():
                log.warning("lane %d: a fetch was lost on its way", number)
                lane.open_again("a fetch was lost on its way")


async def compare_topics(worker: "Worker") -> None:
    """Open a lane again whose topic has another UUID than at its opening: the opening sees it, and stops the lane."""
    try:
        ids = (await worker.services.facts()).identity.topic_ids
    except (KafkaError, PanlockError, TimeoutError, OSError) as error:
        log.info("topics not compared, tried again soon: %s", error)
        return
    for lane in worker.lanes.values():
        if lane.opened is not None and any(ids[topic] != id for topic, id in lane.opened.context.topic_ids.items()):
            lane.open_again("a topic was recreated")


async def commit_group_offsets(worker: "Worker") -> None:
    """Tell lag tools where the lanes are. Never read back."""
    while await slept(worker, GROUP_COMMIT):
        positions: dict[TP, int] = {}
        for lane in worker.lanes.values():
            positions |= lane.positions()
        if not positions:
            continue
        try:
            await worker.app.consumer.confirm(positions)
        except TimeoutError:
            log.warning("Kafka does not answer: group offsets not committed")
            worker.kafka_answers = False
        except KafkaError as error:
            log.info("group offsets not committed, tried again soon: %r", error)
        else:
            worker.kafka_answers = True
