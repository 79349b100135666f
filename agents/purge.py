"""Removes what has been committed from the quarantine topics: card data stays there no longer than it must.

DeleteRecords moves the log start; the bytes leave the disk when their segment rolls and is deleted.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException, TopicPartition
from faust.types import TP

from agents.administrator import administrator
from agents.settings import Kafka
from agents.watchdog import slept
from pipeline.policy.topics import DECISIONS

if TYPE_CHECKING:
    from agents.app import Worker

log = logging.getLogger(__name__)

EVERY = 60.0  # seconds
TIMEOUT = 10.0


async def purge_every_minute(worker: "Worker") -> None:
    """Delete each quarantine input's records behind its committed position, once a minute."""
    purged: dict[TP, int] = {}
    while await slept(worker, EVERY):
        due = {
            tp: position
            for lane in worker.lanes.values()
            if lane.why_closed is None  # else its positions may be those of another topic of that name
            for tp, position in lane.positions().items()
            if tp.topic != DECISIONS and position > purged.get(tp, 0)
        }
        if due:
            purged.update(await asyncio.to_thread(purge, worker.config.kafka, due))


def purge(kafka: Kafka, positions: Mapping[TP, int]) -> dict[TP, int]:
    """DeleteRecords before each position. Returns those that succeeded; the others wait a minute. Blocking."""
    done = {}
    wanted = [TopicPartition(tp.topic, tp.partition, offset) for tp, offset in positions.items()]
    for each, future in administrator(kafka).delete_records(wanted, request_timeout=TIMEOUT).items():
        tp = TP(each.topic, each.partition)
        try:
            future.result(TIMEOUT)
        except (KafkaException, TimeoutError) as error:
            log.warning("%s/%d keeps its records until the next purge: %s", tp.topic, tp.partition, error)
        else:
            done[tp] = positions[tp]
    return done
