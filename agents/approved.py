"""Before a worker runs a policy: have people approved it? `panlock.policy`, read from its beginning to its end."""

import asyncio
from collections.abc import Sequence

from aiokafka import TopicPartition

from agents.cluster import identify
from agents.restore import high_watermark, reader, records_to_end
from agents.settings import Kafka
from pipeline.approval.history import History, Proposal, Record
from pipeline.approval.standing import NoGenesisError, require
from pipeline.policy.bundle import Bundle
from pipeline.policy.topics import POLICY

PATIENCE = 30.0  # seconds; a transaction that somebody left open there holds the worker, and hides nothing


async def approved(kafka: Kafka, bundle: Bundle, genesis: str | None) -> Sequence[Proposal]:
    """Every bundle that was in force, this one last; empty where neither the policy nor the configuration asks people.

    Raises UnapprovedError, NoGenesisError, TopicMissingError, KafkaError, TimeoutError.
    """
    if genesis is None:
        if bundle.policy.policy_approvers is None:
            return ()
        raise NoGenesisError(
            "the policy names policy_approvers, and the worker's configuration no first bundle: write the hash that "
            "`panlock init` printed into it, as genesis: <hash>"
        )
    async with asyncio.timeout(PATIENCE):
        found = await history(kafka, genesis)
    return require(bundle, found)


async def history(kafka: Kafka, genesis: str | None) -> History:
    """All that was said. Raises TopicMissingError, KafkaError."""
    identity = await identify(kafka, (POLICY,))
    found = History(identity.cluster_id, genesis)
    tp = TopicPartition(POLICY, 0)
    async with reader(kafka) as consumer:
        start, end = (await consumer.beginning_offsets([tp]))[tp], await high_watermark(consumer, tp)
        async for records in records_to_end(consumer, tp, start, end):
            found.add_all(Record(f"{POLICY}/0/{each.offset}", each.timestamp, each.value) for each in records)
    return found
