"""A lane: the single writer of partition l of the panlock topics. Agents append chunks; it commits what waits.

All a lane knows, its input positions too, is in panlock.state l and moves in its transactions: whoever holds its
transactional id holds the lane. Any failure throws the producer away and opens the lane again.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence

from aiokafka.errors import IllegalOperation, KafkaError
from faust.types import TP
from structlog.contextvars import bind_contextvars

from agents import faults
from agents.closed import WAITS, Closed, waits_for
from agents.cluster import topic_bytes
from agents.gate import Gate
from agents.inbox import Arrival, Inbox, weight
from agents.opening import Opened, open_lane
from agents.producer import DEADLINE
from agents.restore import ChainHeadError, Restoring, set_store_aside
from agents.services import Services
from agents.transport import Chunk, split
from pipeline.approval.glass import Alarm
from pipeline.effects import Effects, Out
from pipeline.enforce import Enforced, decide, enforce
from pipeline.holds import Messages
from pipeline.identity.envelope import Place
from pipeline.opening import closed, lost, resume_at
from pipeline.policy.topics import DECISIONS, STATE
from pipeline.record import Way
from pipeline.state import (
    DRAIN_PREFIX,
    GLASS_PREFIX,
    STOPPED,
    Loss,
    decode_position,
    decode_stopped,
    next_key,
    payload,
)
from tables.census import Waiting
from tables.store import Applied, StoreCorruptError

log = logging.getLogger(__name__)

LINGER = 0.01  # seconds, at least, between the starts of a lane's transactions: bounds transactions a second
TICK = 0.5  # seconds, at least, between ticks: our clock may be ahead of the broker's
PATIENCE = 5.0  # seconds before a lane looks again whether somebody has mended the topics
MESSAGES = 50  # decisions a transaction: each may release a record of a megabyte, or more
SHOWN = 100  # alarms of break-glass in a lane's status
RETRY = 0.2  # seconds before a lane that failed opens again
OPENING_DEADLINE = 60.0
OPENING = "opening"


class LaneFailedError(Exception):
    """The lane must be opened again: its producer has ended, or an operator has resumed it."""


# AssertionError, IllegalOperation and RuntimeError: how aiokafka's producer speaks of a state that an earlier failure
# left it in; the second where another send of the same transaction found it fenced
FAILURES = (
    LaneFailedError,
    KafkaError,
    TimeoutError,
    OSError,
    AssertionError,
    IllegalOperation,
    RuntimeError,
    faults.InjectedError,
)


class Lane:
    """One lane while this worker has it. `run` is its task; `put` takes a chunk; `leave` ends it."""

    def __init__(self, number: int, inputs: set[TP], services: Services) -> None:
        self.number, self.inputs, self.services = number, inputs, services
        decisions = {tp for tp in inputs if tp.topic == DECISIONS}
        self.records, self.decisions = (Gate(services.consumer, tps) for tps in (inputs - decisions, decisions))
        self.arrived = asyncio.Event()
        self.record_inbox, self.decision_inbox = Inbox(self.arrived), Inbox(self.arrived, cancels=True)
        self.busy = asyncio.Lock()
        self.opened: Opened | None = None
        self.why_closed: str | None = OPENING
        self.closed: Closed | None = Closed.OPENING
        self.restoring = Restoring()
        self.alarm: str | None = None
        self.ticking, self._ticked_at = False, 0.0
        self._doubt: str | None = None
        self._corrupt: str | None = None
        self._ahead: dict[TP, int] = {}
        self._enforcing: dict[TP, asyncio.Future[Enforced]] = {}
        self.transaction_seconds = 0.0
        self.since: float = time.monotonic()  # of the work under way, or of the last
        self.outcomes: Counter[tuple[str, str, str]] = Counter()
        self.times: dict[TP, int] = {}

    async def run(self) -> None:
        """Open, then commit what waits, until cancelled. Any failure closes the lane and opens it again."""
        bind_contextvars(lane=self.number)
        while True:
            try:
                async with asyncio.timeout(OPENING_DEADLINE):
                    await self._open()
                await self._serve()
            except ChainHeadError as error:
                log.error("lane %d stays closed: %s", self.number, error)
                await self._close(str(error), Closed.CHAIN_HEAD)
                return
            except StoreCorruptError as error:
                log.error("lane %d: %s", self.number, error)
                await self._close("its store is corrupt and is being rebuilt", Closed.STORE_CORRUPT)
                self._corrupt = set_store_aside(self.services.store, self.number, error)
            except WAITS as error:
                log.error("lane %d stays closed: %s", self.number, error)
                await self._close(str(error), waits_for(error))
                await asyncio.sleep(PATIENCE)
            except FAILURES as error:
                log.warning("lane %d opens again after %r (%r)", self.number, error, error.__cause__)
                await self._close(f"opening again after {type(error).__name__}", Closed.FAILED)
                await asyncio.sleep(RETRY)

    async def put(self, tp: TP, chunk: Chunk) -> None:
        """Take a chunk of the present opening. A full inbox shuts its own inputs and no others."""
        decisions = tp.topic == DECISIONS
        gate, inbox = (self.decisions, self.decision_inbox) if decisions else (self.records, self.record_inbox)
        if chunk.opening != gate.number or self.opened is None:
            return  # of a former opening, or of one that ends: it is read again
        if decisions:
            for part in split(chunk, MESSAGES):
                ready = self.services.issuers.messages(part.records, part.end)
                ready.add_done_callback(lambda _: self.arrived.set())
                inbox.put(Arrival(tp, part, ready, weight(part.records)))
        else:
            inbox.put(Arrival(tp, chunk, self._enforce(tp, chunk), weight(chunk.records)))
        if gate.open and inbox.full():
            await gate.shut()

    def _enforce(self, tp: TP, chunk: Chunk) -> "asyncio.Future[Enforced]":
        """The stateless half, in a thread. Signed chunks of a partition one after the other: a record may need the
        certificate, or the data key, that one before it has brought."""
        source, context = self.services.sources[tp.topic], self._lane().context

        def start(place: Place | None = None) -> "asyncio.Future[Enforced]":
            return asyncio.get_running_loop().run_in_executor(
                self.services.pool, enforce, source, tp.partition, chunk.records, chunk.end, place
            )

        if source.identity != "signed":
            return start()

        async def follow(former: "asyncio.Future[Enforced] | None") -> Enforced:
            if former is not None:
                await asyncio.wait({former})
            return await start(Place(context.cluster, topic_bytes(context.topic_ids[tp.topic]), tp.partition))

        following = self._enforcing[tp] = asyncio.ensure_future(follow(self._enforcing.get(tp)))
        return following

    @property
    def sure(self) -> bool:
        """Whether it is open, and nothing speaks against its positions."""
        return self.why_closed is None and self._doubt is None

    def overtaken(self) -> bool:
        """Whether a fetch went ahead of the lane with nothing waiting: its chunk is lost, and must be read again."""
        if not self.sure or self.busy.locked() or self.record_inbox or self.decision_inbox:
            return False
        positions = {tp: self._position(tp) for tp in self.inputs}
        ahead = {tp: at for tp, at in positions.items() if (self.services.consumer.fetched(tp) or 0) > at}
        found = any(self._ahead.get(tp) == at for tp, at in ahead.items())  # at two looks: else it is on its way
        self._ahead = ahead
        return found

    def open_again(self, why: str) -> None:
        """Close and open, as after a failure, once the transaction in flight has ended."""
        self._doubt = why
        self.arrived.set()

    async def _open(self) -> None:
        self.since, self.why_closed, self._doubt = time.monotonic(), OPENING, None
        self.closed, self.restoring = Closed.OPENING, Restoring()
        self.opened = await open_lane(self.number, self.inputs, self.services, self._corrupt, self.restoring)
        await self._carry_out(self.opened.effects)
        self._corrupt = None
        if self.opened.producer.task is not None:
            self.opened.producer.task.add_done_callback(lambda _: self.arrived.set())
        await self._let_flow()

    async def _let_flow(self) -> None:
        opened = self._lane()
        for inbox in (self.record_inbox, self.decision_inbox):
            inbox.clear()
        self.ticking = False
        self._enforcing.clear()
        positions = {tp: self._position(tp) for tp in self.inputs}
        await self.decisions.open_at(positions)
        stopped = decode_stopped(opened.store.get(STOPPED))
        self.alarm = None if stopped is None else stopped.event
        if stopped is None:
            await self.records.open_at(positions)
            self.why_closed = self.closed = None
        else:
            self.closed = Closed.INPUT_LOST
            self.why_closed = (
                f"input was lost (event {stopped.event}): "
                f"`panlock lanes resume {self.number} --event {stopped.event} --reason …`"
            )
            log.error("lane %d: %s", self.number, self.why_closed)
            await self.records.forget()

    async def _serve(self) -> None:
        opened = self._lane()
        while True:
            await self._something_to_do(opened)
            began = time.monotonic()
            while self._doubt is None and self._work(opened):
                async with self.busy:
                    self.since = time.monotonic()
                    await self._commit(self.decision_inbox.take_ready(MESSAGES) + self.record_inbox.take())
                await self._reopen()
            await asyncio.sleep(max(0.0, LINGER - (time.monotonic() - began)))

    def _work(self, opened: Opened) -> bool:
        """Whether there is something to commit: decisions that wait for an issuer hold up nothing else."""
        return bool(self.record_inbox) or self.decision_inbox.ready() or self._patience(opened) == 0

    async def _something_to_do(self, opened: Opened) -> None:
        """Wait for a chunk, for work that needs none, or for the end of the producer."""
        try:
            async with asyncio.timeout(self._patience(opened)):  # wait_for may swallow a cancellation (Python 3.11)
                await self.arrived.wait()
        except TimeoutError:
            return
        self.arrived.clear()
        task = opened.producer.task
        if self._doubt is not None or task is None or task.done():
            raise LaneFailedError(self._doubt or "the producer has ended")

    def _patience(self, opened: Opened) -> float | None:
        """Seconds until there is work without a chunk: a queue to be worked off, or a hold that needs a tick."""
        if opened.store.keys(DRAIN_PREFIX, 1):
            return 0.0
        expiry = None if self.ticking else opened.store.next_expiry()
        if expiry is None:
            return None
        return max(0.0, expiry / 1000 - time.time(), self._ticked_at + TICK - time.monotonic())

    async def _commit(self, arrivals: Sequence[Arrival]) -> None:
        opened = self._lane()
        losses = await self._losses(arrivals)
        if losses:
            await self._carry_out(lost(opened.store, opened.context, now_ms(), losses))
            await self._let_flow()
            return
        batch: list[Enforced | Messages] = [await arrival.ready for arrival in arrivals]
        effects = decide(batch, opened.store, opened.context, now_ms(), self._may_not_tick())
        if any(isinstance(item, Messages) and item.records for item in batch):
            self.ticking = False  # whatever ticks were on their way may have been read: look again
        await self._carry_out(effects)
        self.services.tally.decided(sum(len(item.records) for item in batch if isinstance(item, Enforced)))
        if effects.ticked:
            self.ticking, self._ticked_at = True, time.monotonic()
        if any(reason == Way.BY_BREAK_GLASS for _, _, reason in effects.outcomes):
            log.error("lane %d: a record was released by break-glass: `panlock break-glass list`", self.number)
        for arrival in arrivals:
            if arrival.chunk.records:
                self.times[arrival.tp] = arrival.chunk.records[-1].timestamp
        if effects.reopen:
            raise LaneFailedError("resumed by an operator")

    def _may_not_tick(self) -> bool:
        return self.ticking or time.monotonic() < self._ticked_at + TICK

    async def _losses(self, arrivals: Sequence[Arrival]) -> list[Loss]:
        """Inputs whose next chunk begins above the lane's position, or that cannot be read there."""
        positions: dict[TP, int] = {}
        missing: dict[TP, int] = {}
        for tp, chunk in ((arrival.tp, arrival.chunk) for arrival in arrivals):
            known = positions.setdefault(tp, self._position(tp))
            if chunk.start > known or chunk.start == chunk.end:
                missing.setdefault(tp, known)
            positions[tp] = max(known, chunk.end)
        if not missing:
            return []
        bounds = await self.services.consumer.bounds(missing)
        lost = [
            Loss(tp.topic, tp.partition, position, resume_at(position, bounds[tp]))
            for tp, position in missing.items()
            if not bounds[tp].start <= position <= bounds[tp].end
        ]
        if not lost:
            raise LaneFailedError("an input moved ahead of the lane, but its records are still there: read again")
        return lost

    async def _carry_out(self, effects: Effects) -> None:
        """One Kafka transaction, then one WriteBatch. Nothing is applied before the commit."""
        opened = self._lane()
        if not effects.changes and not effects.sends:
            return
        stamp = now_ms()
        changelog = (STATE, self.number)
        sends = dict(effects.sends)
        if effects.changes:  # a tick alone changes nothing
            sends[changelog] = [Out(key, value, stamp) for key, value in effects.changes.items()]
        began = time.monotonic()
        async with asyncio.timeout(DEADLINE):
            placed = await opened.producer.transact(sends)
        self.transaction_seconds = time.monotonic() - began
        if effects.changes:
            first = placed[changelog]
            position = first.offset + len(effects.changes)
            opened.store.apply(effects.changes, Applied(position, first.timestamp or stamp))
        self.outcomes.update(effects.outcomes)
        self.services.tally.committed(effects, self.transaction_seconds)

    async def _reopen(self) -> None:
        """Open what was full, behind what waits. What was fetched and dropped meanwhile is read again."""
        for gate, inbox in ((self.records, self.record_inbox), (self.decisions, self.decision_inbox)):
            if not gate.open and gate.number and inbox.half_empty():
                gate.number = 0  # what is still on its way from before is read again
                ends = inbox.ends()
                await gate.open_at({tp: ends.get(tp, self._position(tp)) for tp in gate.inputs})

    def start(self) -> "asyncio.Task[None]":
        self.task = asyncio.ensure_future(self.run())
        return self.task

    async def leave(self, orderly: bool) -> None:
        """Let the transaction in flight end, then give everything back. `orderly`: the worker is shutting down."""
        for gate in (self.records, self.decisions):
            gate.number = 0
        async with self.busy:
            self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        if orderly and self.opened is not None and self.why_closed != OPENING:
            await self._say_goodbye(self.opened)
        await self._close("left", Closed.LEFT)

    async def _say_goodbye(self, opened: Opened) -> None:
        try:
            await self._carry_out(closed(opened.store, opened.context, now_ms()))
        except FAILURES as error:
            log.warning("lane %d closed without its event: %r", self.number, error)

    async def _close(self, why: str, closed: Closed) -> None:
        self.why_closed, self.closed = why, closed
        self.services.tally.closings[closed] += 1
        opened, self.opened = self.opened, None  # first: whatever interrupts this, nobody decides on that state again
        try:
            for gate in (self.records, self.decisions):
                await gate.forget()
        finally:
            for inbox in (self.record_inbox, self.decision_inbox):
                inbox.clear()
            if opened is not None:
                await opened.close()

    def positions(self) -> dict[TP, int]:
        """Committed positions, none while the lane is not open."""
        return {} if self.opened is None else {tp: self._position(tp) for tp in self.inputs}

    def position_of(self, tp: TP) -> int | None:
        """Committed; none while the lane is not open."""
        return None if self.opened is None else self._position(tp)

    def census(self) -> list[Waiting]:
        """What waits, by flow and rule; nothing while the lane is not open."""
        return [] if self.opened is None else self.opened.store.census()

    def glass(self) -> list[Alarm]:
        """Releases by break-glass that nobody has reviewed; they stop nothing."""
        if self.opened is None:
            return []
        found = (self.opened.store.get(key) for key in self.opened.store.keys(GLASS_PREFIX, SHOWN))
        return [Alarm.decode(payload(value)) for value in found if value is not None]

    def _position(self, tp: TP) -> int:
        position = decode_position(self._lane().store.get(next_key(tp.topic, tp.partition)))
        return 0 if position is None else position

    def _lane(self) -> Opened:
        if self.opened is None:
            raise LaneFailedError("the lane is not open")
        return self.opened


def now_ms() -> int:
    return time.time_ns() // 1_000_000
