"""Records that a producer kit wrote, as a test on a real broker judges them."""

import hashlib
from base64 import urlsafe_b64decode
from functools import cache
from pathlib import Path

from aiokafka.structs import ConsumerRecord
from confluent_kafka import TopicCollection
from cryptography import x509

from deploy.dev.cluster import DevCluster
from pipeline.identity.certificates import Certificate, check_chain, parse_chain
from pipeline.identity.envelope import (
    CERTIFICATES,
    ENVELOPE,
    SALT,
    Envelope,
    EnvelopeError,
    Place,
    content_hash,
    parse,
)
from pipeline.identity.signature import verify_envelope
from tests.deployment import Deployment

_chains: dict[bytes, tuple[bytes, ...]] = {}  # as a lane keeps them: a chain comes with a stream's first records


def place(panlock: Deployment, record: ConsumerRecord) -> Place:
    return Place(*_ids(panlock, record.topic), record.partition)


@cache
def _ids(panlock: Deployment, topic: str) -> tuple[str, bytes]:
    """Remembered: not for a test that makes the topic again."""
    described = panlock.admin.describe_topics(TopicCollection([topic]))[topic].result(30)
    return panlock.cluster_id(), urlsafe_b64decode(str(described.topic_id) + "==")


def envelope(record: ConsumerRecord) -> Envelope:
    return parse(dict(record.headers)[ENVELOPE])


def verdict(panlock: Deployment, record: ConsumerRecord, cluster: DevCluster, where: Place | None = None) -> str:
    """A reason code, or "ok"; `where`: instead of the record's own place."""
    headers = dict(record.headers)
    own = [name for name, _ in record.headers if name.startswith("panlock-")]
    assert len(own) == len(set(own)), "a header of Panlock's twice"
    if CERTIFICATES in headers:
        chain = parse_chain(headers[CERTIFICATES])
        _chains[hashlib.sha256(chain[0]).digest()] = chain
    try:
        read = parse(headers[ENVELOPE])
        content = content_hash(headers[SALT], record.key, record.value, record.headers)
    except EnvelopeError:
        return "envelope-malformed"
    root = x509.load_pem_x509_certificate(Path(cluster.config("admin")["ca"]).read_bytes())
    found = check_chain(_chains[read.head.certificate], [root], record.timestamp)
    if not isinstance(found, Certificate):
        return found
    principal = record.topic.rsplit(".", 1)[-1]
    return verify_envelope(read, found, where or place(panlock, record), principal, content) or "ok"
