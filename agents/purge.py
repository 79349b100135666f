"""Removes what has been committed from the quarantine topics: card data stays there no longer than it must.

DeleteRecords moves the log start; the bytes leave the disk when their segment rolls and is deleted.
"""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import KafkaError
from faust.types import TP

from agents.administration import administration
from agents.settings import Kafka
from agents.watchdog import compare_topics, slept
from pipeline.policy.topics import DECISIONS

if TYPE_CHECKING:
    from agents.app import Worker

log = logging.getLogger(__name__)

EVERY = 60.0  # seconds


async def purge_every_minute(worker: "Worker") -> None:
    """Delete each quarantine input's records behind its committed position, once a minute."""
    purged: dict[TP, int] = {}
    while await slept(worker, EVERY):
        await compare_topics(worker)
        due = {
            tp: position
            for lane in worker.lanes.values()
            if lane.sure  # else its positions may be those of another topic of that name
            for tp, position in lane.positions().items()
            if tp.topic != DECISIONS and position != purged.get(tp, 0)
        }
        if due:
            purged.update(await purge(worker.config.kafka, due))


async def purge(kafka: Kafka, positions: Mapping[TP, int]) -> dict[TP, int]:
    """DeleteRecords before each position. Returns those that succeeded; the others wait a minute."""
    done = {}
    try:
        async with administration(kafka) as admin:
            for tp, offset in positions.items():  # one by one: the answer to many tells of the first error alone
                try:
                    await admin.delete_records({TopicPartition(*tp): RecordsToDelete(before_offset=offset)})
                except KafkaError as error:
                    log.warning("%s/%d keeps its records until the next purge: %r", tp.topic, tp.partition, error)
                else:
                    done[tp] = offset
    except (KafkaError, TimeoutError, OSError) as error:
        log.warning("no purge this minute: %r", error)
    return done
