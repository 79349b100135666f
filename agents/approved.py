"""Before a worker runs a policy: have people approved it? `panlock.policy`, read from its beginning to its end."""

import asyncio
import logging
import ssl
import time
from collections.abc import Sequence

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from agents.cluster import identify
from agents.issuers.fetching import IssuerUnreachableError, signing_keys
from agents.restore import high_watermark, reader, records_to_end
from agents.settings import Kafka
from pipeline.approval.history import History, Proposal, Record
from pipeline.approval.issuer_keys import IssuerKeysError
from pipeline.approval.standing import NoGenesisError, require
from pipeline.approval.witness import Seen, read_seen, sign_seen
from pipeline.audit.signature import Signer, keys_of
from pipeline.policy.bundle import Bundle
from pipeline.policy.topics import POLICY

PATIENCE = 30.0  # seconds; a transaction that somebody left open there holds the worker, and hides nothing
log = logging.getLogger(__name__)


async def approved(
    kafka: Kafka,
    bundle: Bundle,
    genesis: str | None,
    context: ssl.SSLContext | None = None,
    signer: Signer | None = None,
) -> Sequence[Proposal]:
    """Every bundle that was in force, this one last; empty where neither the policy nor the configuration asks people.

    `context`: TLS to issuers whose keys no worker has witnessed yet; `signer` witnesses them for later starts. Raises
    UnapprovedError, NoGenesisError, TopicMissingError, KafkaError, TimeoutError.
    """
    if genesis is None:
        if bundle.policy.policy_approvers is None:
            return ()
        raise NoGenesisError(
            "the policy names policy_approvers, and the worker's configuration no first bundle: write the hash that "
            "`panlock init` printed into it, as genesis: <hash>"
        )
    async with asyncio.timeout(PATIENCE):
        found = await history(kafka, genesis, context)
        if signer is not None:
            await _witness(kafka, signer, found)
    return require(bundle, found)


async def history(
    kafka: Kafka, genesis: str | None, context: ssl.SSLContext | None = None, more: Sequence[Record] = ()
) -> History:
    """All that was said, and `more` after it. Raises TopicMissingError, KafkaError."""
    identity = await identify(kafka, (POLICY,))
    tp = TopicPartition(POLICY, 0)
    said: list[Record] = []
    async with reader(kafka) as consumer:
        start, end = (await consumer.beginning_offsets([tp]))[tp], await high_watermark(consumer, tp)
        async for records in records_to_end(consumer, tp, start, end):
            said += [Record(f"{POLICY}/0/{each.offset}", each.timestamp, each.value) for each in records]
    said += more
    seen, asked = read_seen(record.value for record in said), set[str]()
    while True:
        found = History(identity.cluster_id, genesis, seen).add_all(said)
        missing = found.unseen - asked
        if context is None or not missing:
            return found
        asked |= missing
        for issuer in sorted(missing):
            seen += await _fetch(issuer, context)


async def _fetch(issuer: str, context: ssl.SSLContext) -> list[Seen]:
    try:
        return [Seen(issuer, await signing_keys(issuer, context), int(time.time()))]
    except (IssuerUnreachableError, IssuerKeysError) as error:
        log.warning("issuer %s: %s; what people said about policies under its sign-ins does not count", issuer, error)
        return []


async def _witness(kafka: Kafka, signer: Signer, found: History) -> None:
    """Keep the keys that this start had to fetch: a later one may ask an issuer that has thrown them away."""
    fetched = {seen.issuer: seen for seen, policy in found.fetched if signer.kid in keys_of(policy.audit.worker_keys)}
    if not fetched:
        return
    producer = AIOKafkaProducer(acks="all", **kafka.client())
    try:
        await producer.start()
        for seen in fetched.values():
            await producer.send_and_wait(POLICY, sign_seen(signer, found.cluster, seen), b"witness", 0)
            log.info("issuer %s: witnessed its keys %s in %s", seen.issuer, seen.keys.sha256[:16], POLICY)
    except KafkaError as error:
        log.warning(
            "the keys of %s could not be kept in %s: %r: `panlock deploy apply`", ", ".join(fetched), POLICY, error
        )
    finally:
        await producer.stop()
