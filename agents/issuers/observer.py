"""The issuers' keys as a worker knows them: cached, fetched again for a key that is not there, never trusted when old.

Whoever may write to panlock.decisions can name keys that do not exist. So a fetch answers for everything that came
before it began, fetches keep a distance, and nobody waits longer than PATIENCE: meanwhile records go on, for only
the lane's decisions wait, in their order.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from agents.issuers.fetching import IssuerUnreachableError, signing_keys
from pipeline.approval.id_token import Observed
from pipeline.approval.issuer_keys import IssuerKeys, IssuerKeysError
from pipeline.approval.wanted import Wanted, keys_wanted
from pipeline.holds import Messages
from pipeline.policy.models import Policy
from pipeline.record import Record

log = logging.getLogger(__name__)

CACHE = 600.0  # seconds that keys are good for: a key that the issuer withdrew counts no longer than that
COOL_DOWN = 10.0  # seconds between fetches that succeed
RETRY = 2.0  # seconds after one that failed
PATIENCE = 60.0  # seconds that a message waits for an issuer


@dataclass(slots=True)
class _Known:
    """`began`: when the fetch of `keys` began; `tried`: when the last attempt ended; by the monotonic clock."""

    keys: IssuerKeys | None = None
    began: float = float("-inf")
    tried: float = float("-inf")
    failed: bool = False
    fetching: asyncio.Lock = field(default_factory=asyncio.Lock)

    def fresh(self) -> bool:
        return self.keys is not None and time.monotonic() - self.began <= CACHE

    def answers(self, kids: set[str], since: float) -> bool:
        """Whether it can be told which of the keys there are."""
        if self.keys is None or not self.fresh():
            return False
        return self.began >= since or all(kid in self.keys for kid in kids)


class IssuerObserver:
    """One a worker. `context`: TLS to the issuers."""

    def __init__(self, policy: Policy, context: ssl.SSLContext) -> None:
        self._policy, self._context = policy, context
        self._known: dict[str, _Known] = {alias: _Known() for alias in policy.issuers}

    def answered(self) -> dict[str, bool]:
        """Of the issuers that were asked, by alias: whether they told their keys the last time."""
        return {alias: not known.failed for alias, known in self._known.items() if known.tried > float("-inf")}

    def messages(self, records: Sequence[Record], end: int) -> "asyncio.Future[Messages]":
        """The chunk with the keys to read it by: done at once where no issuer is asked for."""
        wanted = keys_wanted([record.value for record in records], self._policy)
        if not wanted:
            ready: asyncio.Future[Messages] = asyncio.get_running_loop().create_future()
            ready.set_result(Messages(records, end))
            return ready
        return asyncio.ensure_future(self._messages(records, end, wanted))

    async def _messages(self, records: Sequence[Record], end: int, wanted: Wanted) -> Messages:
        return Messages(records, end, await self.observe(wanted))

    async def observe(self, wanted: Wanted) -> Observed:
        """Keys by alias; an issuer whose keys could not be had within PATIENCE is missing."""
        since = time.monotonic()
        await asyncio.gather(*(self._learn(alias, kids, since) for alias, kids in wanted.items()))
        found: dict[str, IssuerKeys] = {}
        for alias, kids in wanted.items():
            known = self._known[alias]
            if known.keys is not None and known.fresh():
                found[alias] = replace(known.keys, current=known.answers(kids, since))
        return found

    async def _learn(self, alias: str, kids: set[str], since: float) -> None:
        known = self._known[alias]
        try:
            async with asyncio.timeout(PATIENCE):
                while not known.answers(kids, since):
                    async with known.fetching:
                        if not known.answers(kids, since):
                            await asyncio.sleep(known.tried + (RETRY if known.failed else COOL_DOWN) - time.monotonic())
                            await self._fetch(alias, known)
        except TimeoutError:
            log.error("issuer %s: no keys within %.0f s: decisions that need them are refused", alias, PATIENCE)

    async def _fetch(self, alias: str, known: _Known) -> None:
        began = time.monotonic()
        try:
            keys = await signing_keys(self._policy.issuers[alias].issuer, self._context)
        except (IssuerUnreachableError, IssuerKeysError) as error:
            if not known.failed:
                log.warning("issuer %s: %s; decisions under its tokens wait", alias, error)
            known.failed = True
        else:
            if known.keys is None or known.keys.sha256 != keys.sha256:
                log.info("issuer %s: %d signing keys, %s", alias, len(keys.jwks), keys.sha256[:16])
            known.keys, known.began, known.failed = keys, began, False
        finally:
            known.tried = time.monotonic()
