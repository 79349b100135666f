"""The Faust app of a worker: its transport, its assignor, one agent, and the lanes' coming and going."""

import asyncio
import logging
import os
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import faust
from cryptography import x509
from cryptography.x509.oid import NameOID
from faust.types import TP

from agents import faults
from agents.assignor import lane_assignor
from agents.config import WorkerConfig, WorkerConfigError
from agents.inbox import BATCH_RECORDS
from agents.issuers.observer import IssuerObserver
from agents.keys.recording import RecordingKeys
from agents.lane import Lane
from agents.purge import purge_every_minute
from agents.services import Services
from agents.signing import signer_of
from agents.tally import Tally
from agents.transport import ChunkSchema, ChunkTransport
from agents.trust import verifier_of
from agents.watchdog import commit_group_offsets, compare_topics_often, watch
from agents.web import serve_status
from pipeline.approval.history import Proposal
from pipeline.first_use import keys_used
from pipeline.identity.verifier import Verifier
from pipeline.keys.opened import Keys
from pipeline.policy.models import Policy
from pipeline.policy.topics import DECISIONS, input_topics, limits
from pipeline.recording import HashKey
from pipeline.revealing import Secrets
from pipeline.source import Source, sources

log = logging.getLogger(__name__)

FETCH = 4 << 20  # bytes of one partition in one fetch: about 4,000 records of 1 KB
NEVER = 2_000_000.0  # seconds: Faust does not poll while nothing is open, and would leave the group for good
LEAVING = 9.0  # seconds to give lanes back: a transaction's deadline and an orderly goodbye
THREADS = 2  # of enforcement
METADATA_AGE = 10_000  # ms until a topic that was recreated, or a partition that was added, is seen


class Worker:
    """The lanes that this process has, and what they share."""

    def __init__(
        self,
        policy: Policy,
        config: WorkerConfig,
        keys: Keys,
        approved: Sequence[Proposal] = (),
        development: bool = False,
    ) -> None:
        self.policy, self.config, self.keys, self.approved = policy, config, keys, approved
        self.app = _app(policy, config)
        self.lanes: dict[int, Lane] = {}
        self._verifier = verifier_of(policy, config, keys)
        self._signer = signer_of(policy.audit.worker_keys, keys.audit)
        self.sources = flow_sources(policy, config, keys, self._verifier, development)
        self._issuer_context = config.issuer_context()
        self._pool = ThreadPoolExecutor(THREADS, "enforce")
        self._services: Services | None = None
        self.joined = False
        self.kafka_answers = True
        self._wire()

    @property
    def services(self) -> Services:
        if self._services is None:
            self._services = Services(
                consumer=self.app.consumer,
                policy=self.policy,
                sources=self.sources,
                kafka=self.config.kafka,
                store=self.config.store,
                worker=f"{certificate_name(self.config)}@{socket.gethostname()}/{os.getpid()}",
                topics=sorted(limits(self.policy)),
                pool=self._pool,
                approved=self.approved,
                keys=keys_used(self.policy, self.keys),
                verifier=self._verifier,
                signer=self._signer,
                hash_key=HashKey.of(self.keys.active, self.keys.tokens[self.keys.active]),
                issuers=IssuerObserver(self.policy, self._issuer_context),
                tally=Tally(self.policy),
            )
        return self._services

    def _wire(self) -> None:
        app = self.app
        inputs = app.topic(*input_topics(self.policy), DECISIONS, schema=ChunkSchema(), acks=False)
        app.agent(inputs, name="lanes")(self._take)
        app.on_partitions_assigned.connect(self._assigned, weak=False)
        app.on_partitions_revoked.connect(self._revoked, weak=False)
        app.on_before_shutdown.connect(self._shutdown, weak=False)
        app.task(lambda: watch(self))
        app.task(lambda: commit_group_offsets(self))
        app.task(lambda: compare_topics_often(self))
        app.task(lambda: purge_every_minute(self))
        serve_status(self)

    async def _take(self, stream: Any) -> None:
        """The agent: gives each chunk to its lane, and knows nothing else."""
        async for event in stream.noack().events():
            tp = TP(*event.message.tp)
            lane = self.lanes.get(tp.partition % self.policy.lanes)
            if lane is not None and tp in lane.inputs:  # else read before the lane moved; its new owner reads it again
                await lane.put(tp, event.value)

    async def _assigned(self, app: Any, assigned: set[TP], **_: Any) -> None:
        self.joined = True
        for number in sorted({tp.partition % self.policy.lanes for tp in assigned}):
            inputs = {TP(*tp) for tp in assigned if tp.partition % self.policy.lanes == number}
            lane = self.lanes[number] = Lane(number, inputs, self.services)
            lane.start().add_done_callback(self._ended)

    async def _revoked(self, app: Any, revoked: set[TP], **_: Any) -> None:
        """Give the lanes back: after this callback the group may give them away."""
        await self._leave_all(orderly=False)

    async def _shutdown(self, app: Any, **_: Any) -> None:
        await self._leave_all(orderly=True)

    async def _leave_all(self, orderly: bool) -> None:
        leaving = [self.lanes.pop(number) for number in list(self.lanes)]
        try:
            async with asyncio.timeout(LEAVING):
                await asyncio.gather(*(lane.leave(orderly) for lane in leaving))
        except TimeoutError:
            # The group would wait for us for good; whoever takes over fences what we leave behind.
            log.critical("lanes could not be given back within %.0f s: the worker ends at once", LEAVING)
            logging.shutdown()
            os._exit(1)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("a lane has ended: %r", error)
            self._crashing = asyncio.ensure_future(self.app.crash(error))


def flow_sources(
    policy: Policy, config: WorkerConfig, keys: Keys, verifier: Verifier | None = None, development: bool = False
) -> dict[str, Source]:
    """Raises WorkerConfigError where the policy works with a key that the worker does not have, KeysError."""
    secrets = None
    if any(flow.recording.mode == "reveal" for flow in policy.flows.values()):
        secrets = Secrets(RecordingKeys(config, development), keys.tokens, keys.active)
    try:
        return sources(policy, keys.keyring(), faults.PANIC_ON, config.source_of_schemas(), verifier, secrets)
    except ValueError as error:
        raise WorkerConfigError(f"token_keys: {error}") from error


def certificate_name(config: WorkerConfig) -> str:
    """CN of the worker's certificate."""
    certificate = x509.load_pem_x509_certificate(config.kafka.certificate.read_bytes())
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _app(policy: Policy, config: WorkerConfig) -> faust.App:
    app = faust.App(
        policy.application,
        broker=[f"kafka://{address}" for address in config.kafka.bootstrap.split(",")],
        broker_credentials=faust.SSLCredentials(context=config.kafka.context()),
        datadir=str(config.store / "faust"),
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_host=config.web.host,  # agents.web binds the port: Faust takes no 0
        web_bind=config.web.host,
        broker_max_poll_records=BATCH_RECORDS,
        consumer_max_fetch_size=FETCH,
        broker_session_timeout=config.session_timeout,
        broker_heartbeat_interval=min(1.0, config.session_timeout / 3),
        broker_request_timeout=max(30.0, config.session_timeout),
        broker_max_poll_interval=NEVER,
        stream_wait_empty=False,
        consumer_auto_offset_reset="none",
        consumer_metadata_max_age_ms=METADATA_AGE,
        PartitionAssignor=lane_assignor(policy.lanes),
        worker_redirect_stdouts=False,
    )
    app.transport = ChunkTransport(app.conf.broker, app)
    return app
