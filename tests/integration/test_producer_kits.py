"""The Python producer kit on a real broker, before aiokafka and before confluent-kafka."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import MessageSizeTooLargeError, TopicAuthorizationFailedError
from aiokafka.structs import ConsumerRecord
from confluent_kafka import KafkaException

from deploy.dev.cluster import DevCluster
from panlock_producer import Identity, ProducerError, Recipient, RecordError, aio, confluent
from pipeline.identity.sealing import Scope, parse_sealed_key, unseal, unwrap_data_key
from pipeline.identity.sealing_keys import Kem, private_key, public_text
from tests.deployment import Deployment
from tests.signed import envelope, place, verdict

POLICY = """
version: 1
lanes: 2
principals:
  checkout: {spiffe: spiffe://pay.example/checkout}
  refunds: {spiffe: spiffe://pay.example/refunds}
flows:
  payments: {producers: [checkout, refunds], partitions: 3}
"""
TOPIC = "quarantine.payments.checkout"
WORKER = private_key(Kem.MLKEM768_X25519, bytes(range(32)))
SEAL_TO = Recipient(public_text(WORKER.public))
Writer = Callable[..., None]


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, POLICY) as deployed:
        yield deployed


@pytest.fixture
def identity(cluster: DevCluster) -> Identity:
    config = cluster.config("checkout")
    return Identity.from_files(config["certificate"], config["key"])


def with_aiokafka(panlock: Deployment, identity: Identity, records: list[tuple[Any, ...]], **more: Any) -> None:
    async def go() -> None:
        async with aio.SignedProducer(
            identity, **{"seal_to": SEAL_TO, **more}, **panlock.client("checkout")
        ) as producer:
            sent = [await producer.send(TOPIC, value, key, headers=headers) for key, value, headers in records]
            await asyncio.gather(*sent)

    asyncio.run(go())


def with_confluent(panlock: Deployment, identity: Identity, records: list[tuple[Any, ...]], **more: Any) -> None:
    errors: list[Any] = []
    producer = confluent.SignedProducer(identity, librdkafka(panlock.cluster), **{"seal_to": SEAL_TO, **more})
    for key, value, headers in records:
        producer.produce(TOPIC, value, key, headers=headers, on_delivery=lambda error, _: errors.append(error))
        if len(producer) >= 200:
            producer.flush(30)
    assert producer.close(30) == 0
    assert errors == [None] * len(records)


def librdkafka(cluster: DevCluster, name: str = "checkout") -> dict[str, Any]:
    config = cluster.config(name)
    return {
        "bootstrap.servers": config["bootstrap"],
        "security.protocol": "SSL",
        "ssl.ca.location": config["ca"],
        "ssl.certificate.location": config["certificate"],
        "ssl.key.location": config["key"],
    }


def opened(panlock: Deployment, record: ConsumerRecord, data_keys: dict[bytes, bytes]) -> tuple[bytes | None, ...]:
    """What a worker reads; `data_keys` as it remembers them."""
    head, where = envelope(record).head, place(panlock, record)
    assert head.sealed_key is not None
    header = dict(record.headers).get("panlock-sealed-key")
    if header is not None:
        scope = Scope.of(where, "checkout", head)
        data_keys[head.sealed_key] = unwrap_data_key(parse_sealed_key(header), WORKER, scope)
    return unseal(data_keys[head.sealed_key], where, "checkout", head, record.key, record.value)


@pytest.mark.parametrize("write", [with_aiokafka, with_confluent], ids=["aiokafka", "confluent"])
def test_what_is_written_verifies_opens_and_is_in_sequence(
    panlock: Deployment, identity: Identity, write: Writer
) -> None:
    records: list[tuple[Any, ...]] = [
        (b"k%d" % (n % 7), b'{"n":%d}' % n, [("h", b"1"), ("h", None)]) for n in range(1_000)
    ]
    write(panlock, identity, [*records, (b"k0", None, []), (None, b"", [])])
    written = panlock.read(TOPIC)
    data_keys: dict[bytes, bytes] = {}
    clear = [opened(panlock, record, data_keys) for record in written]
    assert Counter(clear) == Counter([*[(key, value) for key, value, _ in records], (b"k0", None), (None, b"")])
    assert {verdict(panlock, record, panlock.cluster) for record in written} == {"ok"}
    assert len({(key, record.partition) for (key, _), record in zip(clear, written, strict=True) if key}) == 7
    for partition in range(3):
        sequences = [envelope(record).head.sequence for record in written if record.partition == partition]
        assert sequences == list(range(len(sequences))) != []
    signatures = Counter(envelope(record).signature for record in written)
    assert len(signatures) < len(written) / 10, "batches share a signature"
    carried = sum("panlock-certificates" in dict(record.headers) for record in written)
    assert 3 <= carried < len(written)
    assert len({envelope(record).head.stream for record in written}) == 1


@pytest.mark.parametrize("write", [with_aiokafka, with_confluent], ids=["aiokafka", "confluent"])
def test_clear_records_are_signed_as_they_are(panlock: Deployment, identity: Identity, write: Writer) -> None:
    write(panlock, identity, [(b"k", b"v", [])], seal_to=None)
    (record,) = panlock.read(TOPIC)
    assert (record.key, record.value) == (b"k", b"v")
    assert verdict(panlock, record, panlock.cluster) == "ok"
    elsewhere = place(panlock, record)._replace(partition=(record.partition + 1) % 3)
    assert verdict(panlock, record, panlock.cluster, elsewhere) == "signature-invalid"
    recreated = place(panlock, record)._replace(topic_id=bytes(16))
    assert verdict(panlock, record, panlock.cluster, recreated) == "signature-invalid"


def test_a_record_refused_by_the_broker_fails_alone_and_the_chain_goes_along_again(
    panlock: Deployment, identity: Identity
) -> None:
    async def go() -> None:
        options = {"max_request_size": 1 << 20, **panlock.client("checkout")}
        async with aio.SignedProducer(identity, seal_to=SEAL_TO, **options) as producer:
            await producer.send_and_wait(TOPIC, b"first", partition=0)
            with pytest.raises(MessageSizeTooLargeError):
                await producer.send_and_wait(TOPIC, b"x" * (2 << 20), partition=0)
            await producer.send_and_wait(TOPIC, b"second", partition=0)
            await producer.send_and_wait(TOPIC, b"third", partition=0)

    asyncio.run(go())
    written = panlock.read(TOPIC)
    assert [envelope(record).head.sequence for record in written] == [0, 2, 3], "a gap, and no number twice"
    assert ["panlock-certificates" in dict(record.headers) for record in written] == [True, True, False]


def test_what_cannot_be_signed_is_not_sent(panlock: Deployment, identity: Identity) -> None:
    async def go() -> None:
        async with aio.SignedProducer(identity, seal_to=None, **panlock.client("checkout")) as producer:
            with pytest.raises(RecordError):
                await producer.send(TOPIC, b"v", headers=[("panlock-envelope", b"mine")])
            with pytest.raises(RecordError):
                await producer.send(TOPIC, "text")
            with pytest.raises(ProducerError):
                await producer.send(TOPIC, b"v", partition=3)
            with pytest.raises(TopicAuthorizationFailedError):
                await producer.send("quarantine.payments.refunds", b"v")

    asyncio.run(go())
    producer = confluent.SignedProducer(identity, librdkafka(panlock.cluster), seal_to=None)
    with pytest.raises(RecordError):
        producer.produce(TOPIC, b"v", headers=[("panlock-salt", bytes(16))])
    with pytest.raises(KafkaException):
        producer.produce("quarantine.payments.refunds", b"v")
    assert producer.close(10) == 0
    assert panlock.read(TOPIC) == []


def test_without_idempotence_there_is_no_producer(panlock: Deployment, identity: Identity) -> None:
    with pytest.raises(ProducerError, match="idempotence"):
        confluent.SignedProducer(identity, {"enable.idempotence": False}, seal_to=None)
    with pytest.raises(ProducerError, match="idempotence"):
        aio.SignedProducer(identity, seal_to=None, enable_idempotence=False)


def test_a_new_certificate_goes_on_with_the_stream(
    panlock: Deployment, identity: Identity, cluster: DevCluster
) -> None:
    async def go() -> None:
        async with aio.SignedProducer(identity, seal_to=SEAL_TO, **panlock.client("checkout")) as producer:
            await producer.send_and_wait(TOPIC, b"old", partition=0)
            leaf = cluster.issue("checkout", "spiffe://pay.example/checkout/2")
            producer.renew(Identity.from_files(leaf.certificate, leaf.key))
            await producer.send_and_wait(TOPIC, b"new", partition=0)

    asyncio.run(go())
    old, new = panlock.read(TOPIC)
    assert verdict(panlock, old, cluster) == verdict(panlock, new, cluster) == "ok"
    heads = [envelope(record).head for record in (old, new)]
    assert heads[0].certificate != heads[1].certificate and heads[0].stream == heads[1].stream
    assert [head.sequence for head in heads] == [0, 1]
