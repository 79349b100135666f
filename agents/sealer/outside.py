"""Who else speaks for the audit: witnesses cosign each log once a minute, an authority stamps a manifest each hour.

They are asked beside the sealing, which waits for nobody: an answer is written with the next round, and that there is
none is told in an event, and again each hour.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence

from aiokafka.errors import KafkaError

from agents.config import WorkerConfigError
from agents.sealer.config import SealerConfig
from agents.sealer.cosigning import Asked, Cosigning, Sizes, Stand
from agents.sealer.history import stands
from agents.sealer.posting import NoAnswerError, asking
from agents.sealer.stamping import stamp
from pipeline.audit.cosignature import Witness
from pipeline.audit.events import EventType
from pipeline.audit.note import Verifier
from pipeline.audit.sealer import Sealed, Told
from pipeline.audit.timestamp import MANIFEST, Stamped, TimestampError, authorities_of
from pipeline.effects import Out
from pipeline.policy.models import Policy

log = logging.getLogger(__name__)

ASK = 60.0  # seconds between two rounds of asking
HOUR = 3600.0  # seconds between two time stamps, and between two events about the same failure
ENDING = 10.0  # seconds for the last round, when the sealer ends

Answers = tuple[list[Out], list[Told]]


class Outside:
    """`stamped`, `answered`: when, in seconds of the day's clock; `refused`: witness, log → why."""

    def __init__(self, policy: Policy, config: SealerConfig, verifiers: Sequence[Verifier]) -> None:
        """Raises WorkerConfigError, TimestampError."""
        self._config, self._verifiers = config, verifiers
        self._witnesses = [Witness.parse(vkey) for vkey in policy.audit.witnesses]
        self._quorum = policy.audit.witness_quorum
        self._authorities = authorities_of(policy.timestamp_pems)
        _check(policy, config)
        self.began = time.time()
        self.stamped: float | None = None
        self.answered: dict[str, float] = {}
        self.failures: Counter[str] = Counter()
        self.refused: dict[tuple[str, str], str] = {}
        self._told: dict[str, float] = {}
        self._task: asyncio.Task[Answers] | None = None
        self.begin()

    @property
    def witnesses(self) -> list[str]:
        return [each.name for each in self._witnesses if each.name in self._config.witnesses]

    @property
    def stamps(self) -> bool:
        return self._config.timestamps is not None

    def begin(self) -> None:
        """Anew, from what is published."""
        self._cosigning = Cosigning(self._witnesses, self._config.witnesses, self._quorum)
        self._waiting: list[Sealed] = []
        self._asked = self._stamp_due = -HOUR
        if self._task is not None:
            self._task.cancel()
        self._task = None

    def look(self, now: float, sealed: Sequence[Sealed]) -> Answers:
        """Ask, where it is time to; what was answered since. `sealed`: manifests that were written meanwhile."""
        if not self.witnesses and not self.stamps:
            return [], []
        self._waiting += sealed
        answers: Answers = [], []
        if self._task is not None and self._task.done():
            answers, self._task = self._task.result(), None
        if self._task is None and self._waiting and now - self._asked >= ASK:
            self._asked = now
            self._task = asyncio.create_task(self._ask(now, self._taken()))
        return answers

    async def end(self, sealed: Sequence[Sealed]) -> list[Out]:
        """The last manifest is cosigned and stamped, too, if that takes no longer than it should."""
        found: list[Out] = []
        if not self.witnesses and not self.stamps:
            return found
        self._waiting += sealed
        try:
            async with asyncio.timeout(ENDING):
                if self._task is not None:
                    found += (await self._task)[0]
                self._stamp_due = -HOUR
                if self._waiting:
                    found += (await self._ask(time.monotonic(), self._taken()))[0]
        except TimeoutError:
            log.warning("the last manifest is not cosigned or stamped: no answer within %.0f s", ENDING)
        return found

    def _taken(self) -> list[Sealed]:
        taken, self._waiting = self._waiting, []
        return taken

    async def _ask(self, now: float, sealed: Sequence[Sealed]) -> Answers:
        """Never raises."""
        for each in sealed:
            self._cosigning.grow(each)
        last = sealed[-1]
        cosigned, stamped = await asyncio.gather(self._cosign(last), self._stamp(now, last))
        return [*cosigned[0], *stamped[0]], [*cosigned[1], *stamped[1]]

    async def _cosign(self, sealed: Sealed) -> Answers:
        logs = [part for part in sealed.parts if part.tree.size]
        if not logs:
            return [], []
        async with asking() as session:
            witnesses = self._cosigning.witnesses
            every = [self._cosigning.ask(session, each, logs, self._remembered) for each in witnesses]
            asked = dict(zip((each.name for each in witnesses), await asyncio.gather(*every), strict=True))
        told = [event for name, each in asked.items() for event in self._weigh(name, each)]
        found = self._cosigning.cosigned(logs, asked)
        now = time.time_ns() // 1_000_000
        return [Out(each.key, each.note, now) for each in found], told

    async def _remembered(self, sizes: Sizes) -> Mapping[str, Stand]:
        """Raises NoAnswerError."""
        try:
            return await stands(self._config.kafka, self._verifiers, sizes)
        except (KafkaError, OSError) as error:
            raise NoAnswerError(f"what was published cannot be read: {error!r}") from error

    def _weigh(self, name: str, asked: Asked) -> list[Told]:
        told = list[Told]()
        for origin in asked.lines:
            self.refused.pop((name, origin), None)
        for origin, why in asked.refused.items():
            self.refused[name, origin] = why
            resource = {"witness": name, "log": origin}
            told += self._tell(f"{name} {origin}", EventType.WITNESS_REFUSED, why, resource)
        if asked.failed is None:
            self.answered[name] = time.time()
            self._told.pop(name, None)
        else:
            self.failures[name] += 1
            told += self._tell(name, EventType.WITNESS_FAILED, asked.failed, {"witness": name})
        return told

    async def _stamp(self, now: float, sealed: Sealed) -> Answers:
        if self._config.timestamps is None or now - self._stamp_due < 0:
            return [], []
        try:
            async with asking() as session:
                answer = await stamp(session, self._config.timestamps.url, sealed.note, self._authorities)
        except (NoAnswerError, TimestampError) as error:
            self.failures["timestamp"] += 1
            seconds = round(time.time() - (self.stamped or self.began))
            resource = {"seconds": str(seconds)}
            return [], self._tell("timestamp", EventType.TIMESTAMP_FAILED, str(error), resource)
        self.stamped, self._stamp_due = time.time(), now + HOUR
        self._told.pop("timestamp", None)
        found = Stamped(sealed.time, sealed.note, answer)
        out = Out(found.key, found.response, time.time_ns() // 1_000_000, ((MANIFEST, found.note),))
        return [out], []

    def _tell(self, name: str, type_: EventType, detail: str, resource: Mapping[str, str]) -> list[Told]:
        """Once, and again each hour while it lasts."""
        if time.monotonic() - self._told.get(name, -HOUR) < HOUR:
            return []
        self._told[name] = time.monotonic()
        log.log(logging.CRITICAL if type_ is EventType.WITNESS_REFUSED else logging.WARNING, "%s", detail)
        return [(type_, {"detail": detail, "resource": dict(resource)})]


def _check(policy: Policy, config: SealerConfig) -> None:
    """Raises WorkerConfigError."""
    names = {Witness.parse(vkey).name for vkey in policy.audit.witnesses}
    unknown = sorted(set(config.witnesses) - names)
    if unknown:
        raise WorkerConfigError(f"witnesses: {', '.join(unknown)}: not in the policy's audit.witnesses; add their keys")
    if names and len(config.witnesses) < policy.audit.witness_quorum:
        raise WorkerConfigError(
            f"witnesses: the policy asks for {policy.audit.witness_quorum} of {', '.join(sorted(names))}: say where "
            "they are, a URL each"
        )
    if config.timestamps is not None and not policy.audit.timestamp_authorities:
        raise WorkerConfigError(
            "timestamps: the policy's audit.timestamp_authorities is empty: name the authority's PEM file there"
        )
