"""Opening a lane: confirm, fence, restore, compare. What comes back may commit; the caller lets its inputs flow."""

import asyncio
import logging
import time
from dataclasses import dataclass

from faust.types import TP

from agents.cluster import Facts
from agents.producer import LaneProducer
from agents.restore import ChainHeadError, Restoring, check_chain_head, reader, restore, store_path
from agents.services import Services
from agents.unfinished import check_finished, outputs
from pipeline.attest import known
from pipeline.effects import Effects
from pipeline.in_force import check_standing
from pipeline.opening import opened
from pipeline.policy.topics import STATE
from pipeline.source import Context
from pipeline.state import decode_position, next_key
from tables.store import LaneStore

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Opened:
    """A lane that is ours: its producer, store and context, and the effects of its first transaction."""

    producer: LaneProducer
    store: LaneStore
    context: Context
    effects: Effects

    async def close(self) -> None:
        try:
            await self.producer.discard()
        finally:
            self.store.close()


async def open_lane(
    number: int, inputs: set[TP], services: Services, corrupt: str | None, restoring: Restoring
) -> Opened:
    """1. Are we still a member?  2. Fence the former owner; its transaction ends, and no other is open where the lane
    writes.  3. Restore the store to the end of the changelog, and check the chain's head.  4. Compare topics and
    positions with what the cluster has.

    The order matters: without 1, a former owner that wakes up would fence the new one; before 2 has returned, the
    changelog may still grow. `corrupt`: what was wrong with the former store, for the audit. `restoring` is kept up to
    date meanwhile.
    """
    store = LaneStore(store_path(services.store, number))
    producer = None
    try:
        await services.consumer.confirm({tp: _position(store, tp) for tp in inputs})
        facts = await services.facts()
        producer = LaneProducer(f"{services.policy.application}-{number}", services.kafka, facts.limits)
        await producer.start()
        now = time.time_ns() // 1_000_000
        async with reader(services.kafka) as consumer:
            await check_finished(consumer, outputs(services.policy, facts, number))
            changelog = f"{facts.identity.cluster_id}/{facts.identity.topic_ids[STATE]}"
            await restore(store, consumer, number, changelog, now, restoring)
            try:
                await check_chain_head(store, consumer, number)
            except ChainHeadError as error:  # the topics are the truth, the store is a copy of them
                store.restart(changelog)
                await restore(store, consumer, number, changelog, now, restoring)
                await check_chain_head(store, consumer, number)
                corrupt = f"it was not what panlock.state says, and was rebuilt from it ({error.apart})"
                log.warning("lane %d: its store: %s", number, corrupt)
        check_standing(store, services.approved)
        if services.verifier is not None:
            await asyncio.to_thread(services.verifier.remember, *known(store))
        bounds = {(tp.topic, tp.partition): found for tp, found in (await services.consumer.bounds(inputs)).items()}
        context = _context(number, inputs, services, facts)
        return Opened(producer, store, context, opened(store, context, now, bounds, corrupt))
    except BaseException:
        if producer is not None:
            await producer.discard()
        store.close()
        raise


def _position(store: LaneStore, tp: TP) -> int:
    return decode_position(store.get(next_key(tp.topic, tp.partition))) or 0


def _context(number: int, inputs: set[TP], services: Services, facts: Facts) -> Context:
    topics = {tp.topic for tp in inputs}
    return Context(
        policy=services.policy,
        lane=number,
        cluster=facts.identity.cluster_id,
        worker=services.worker,
        topic_ids={topic: uuid for topic, uuid in facts.identity.topic_ids.items() if topic in topics},
        limits=facts.limits,
        compacted=facts.compacted,
        sources=services.sources,
        approved=services.approved,
        signer=services.signer,
        hash_key=services.hash_key,
        keys=services.keys,
    )
