"""What the lanes of a worker share."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from agents.cluster import Facts, facts
from agents.fit import check_fit
from agents.issuers.observer import IssuerObserver
from agents.settings import Kafka
from agents.tally import Tally
from agents.transport import ChunkConsumer
from pipeline.approval.history import Proposal
from pipeline.audit.signature import Signer
from pipeline.identity.verifier import Verifier
from pipeline.policy.models import Policy
from pipeline.recording import HashKey
from pipeline.source import Source

FRESH = 2.0  # seconds: lanes that open together ask the cluster once


@dataclass(slots=True)
class Services:
    """One a worker. `pool` runs enforcement; `topics` are all that the worker reads or writes.

    `approved`, `keys`, `hash_key` and `signer` as in Context.
    """

    consumer: ChunkConsumer
    policy: Policy
    sources: Mapping[str, Source]
    kafka: Kafka
    store: Path
    worker: str
    topics: list[str]
    pool: ThreadPoolExecutor
    issuers: IssuerObserver
    tally: Tally
    approved: Sequence[Proposal] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    verifier: Verifier | None = None
    signer: Signer | None = None
    hash_key: HashKey | None = None
    _asking: "asyncio.Task[Facts] | None" = field(default=None)
    _asked: float = field(default=0.0)

    async def facts(self) -> Facts:
        """What the cluster says now, fit for the policy. Lanes that open at the same time share the answer.

        Raises ClusterMismatchError, TopicMissingError, KafkaError.
        """
        if self._asking is None or time.monotonic() - self._asked > FRESH:
            self._asked = time.monotonic()
            self._asking = asyncio.ensure_future(facts(self.kafka, self.topics))
        found = await asyncio.shield(self._asking)
        check_fit(self.policy, found)
        return found
