"""Removes what has been committed from the quarantine topics: card data stays there no longer than it must.

DeleteRecords moves the log start; the bytes leave the disk when their segment rolls and is deleted.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaError

from pipeline.policy.topics import DECISIONS

if TYPE_CHECKING:
    from agents.app import Worker

log = logging.getLogger(__name__)

EVERY = 60.0  # seconds


async def purge_every_minute(worker: "Worker") -> None:
    """Delete each quarantine input's records behind its committed position, once a minute."""
    purged: dict[TopicPartition, int] = {}
    while not worker.app.should_stop:
        await worker.app.sleep(EVERY)
        due = {
            TopicPartition(*tp): position
            for lane in worker.lanes.values()
            for tp, position in lane.positions().items()
            if tp.topic != DECISIONS and position > purged.get(TopicPartition(*tp), 0)
        }
        if due:
            try:
                await purge(worker, due)
            except (KafkaError, asyncio.TimeoutError) as error:
                log.warning("purge: tried again in a minute: %r", error)
            else:
                purged.update(due)


async def purge(worker: "Worker", positions: dict[TopicPartition, int]) -> None:
    """DeleteRecords before each position. Raises KafkaError."""
    admin = AIOKafkaAdminClient(**worker.config.kafka.client())
    await admin.start()
    try:
        await admin.delete_records({tp: RecordsToDelete(before_offset=offset) for tp, offset in positions.items()})
    finally:
        await admin.close()
