"""An export as the sealer and `panlock audit export` leave it, of any events: no Kafka needed."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.stored import Stored
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.events import Chain, EventType, timestamp
from pipeline.audit.exported import MANIFEST, directory
from pipeline.audit.logs import audit_logs
from pipeline.audit.manifest import Manifest
from pipeline.audit.merkle import leaf_hashes, root_of
from pipeline.audit.note import sign
from pipeline.audit.origin import origin
from pipeline.audit.tiles import CHECKPOINT, TileWriter
from pipeline.policy import parse_policy
from pipeline.policy.topics import AUDIT, SEALER_AUDIT
from tests.audit_keys import POLICY as AUDIT_KEYS
from tests.audit_keys import SEALER, WORKER

CLUSTER = "q1Sh-9_ISia_zwGINzRvyQ"
POLICY = (
    """
version: 1
lanes: 2
principals:
  checkout: {spiffe: spiffe://pay.example/checkout}
  refunds: {spiffe: spiffe://pay.example/refunds, owners: [ben@pay.example]}
people:
  ana@pay.example: {certificate: ana, roles: [payments-approvers]}
  carla@pay.example: {certificate: carla, roles: [auditors]}
flows:
  payments: {producers: [checkout, refunds], partitions: 2}
"""
    + AUDIT_KEYS
)
NAME = "panlock-sealer"

Told = tuple[EventType, int, Mapping[str, Any]]  # type, time in ms, fields


def chained(log: int, told: Iterable[Told], topic: str = AUDIT, every: int = 0) -> list[bytes]:
    """A log's events; the last one is signed, and each `every`th."""
    chain, signer = Chain(log, "ab" * 32), SEALER if topic == SEALER_AUDIT else WORKER
    events, all_told = list[bytes](), list(told)
    for number, (type_, ms, fields) in enumerate(all_told, 1):
        event = chain.event(type_, timestamp(ms), **fields)[1]
        if number == len(all_told) or (every and number % every == 0):
            event = chain.sign_last(event, signer, origin(CLUSTER, topic, log))
        events.append(event)
    return events


def write_export(root: Path, logs: Mapping[tuple[str, int], Sequence[bytes]], sealed: str) -> None:
    """`logs`: by topic and partition; `sealed`: the manifest's time. Again with more, and it has grown."""
    store, checkpoints = Stored(str(root)), []
    for place in audit_logs(parse_policy(POLICY, "policy.yaml")):
        events = logs.get((place.topic, place.partition), ())
        checkpoint = Checkpoint(place.origin(CLUSTER), len(events), root_of(leaf_hashes(events)))
        checkpoints.append(checkpoint)
        if not events:
            continue
        writer, files = TileWriter(), store.below(directory(place))
        files.write([*writer.append(events, leaf_hashes(events)), *writer.edge()])
        files.write([(CHECKPOINT, sign(checkpoint.text(), NAME, SEALER.key).encode())])
    note = sign(Manifest(CLUSTER, sealed, checkpoints).text(), NAME, SEALER.key).encode()
    store.write([(MANIFEST, note)])
