"""What the audit topic and the stores say, as tests ask it."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from pipeline.audit.signature import keys_of
from pipeline.audit.verify import Report, Signed, Verifier
from pipeline.policy.topics import AUDIT
from tests.deployment import Deployment, until


def fates(panlock: Deployment) -> dict[str, list[str]]:
    """Record id → its outcomes in their order, as `released` or `rejected expired`."""
    found: dict[str, list[str]] = defaultdict(list)
    for event in panlock.events():
        if "outcome" in event:
            reason = f" {event['reason']}" if event["outcome"] == "rejected" else ""
            found[event["resource"]["record"]].append(event["outcome"] + reason)
    return dict(found)


def wait_fates(panlock: Deployment, wanted: dict[str, list[str]]) -> None:
    """Until each of these records has all of its outcomes; then exactly these."""
    due = sum(map(len, wanted.values()))

    def complete() -> dict[str, list[str]] | None:
        found = {record: each for record, each in fates(panlock).items() if record in wanted}
        return found if sum(map(len, found.values())) >= due else None

    found = until(f"{due} outcomes of {len(wanted)} records", complete)
    wrong = {record: (found.get(record), each) for record, each in wanted.items() if found.get(record) != each}
    assert not wrong, f"record: (its outcomes, those wanted): {wrong}"


def released(topic: str, partition: int, offsets: Iterable[int]) -> dict[str, list[str]]:
    return {f"{topic}/{partition}/{offset}": ["released"] for offset in offsets}


def clean_ids(panlock: Deployment, topic: str) -> list[str]:
    """panlock-record-id of every record of a clean topic, partition by partition."""
    return [dict(record.headers)["panlock-record-id"].decode() for record in panlock.read(topic)]


def check_chain(panlock: Deployment) -> None:
    """The audit topic as a whole, by the verifier."""
    _replay(panlock, None)


def check_signed_chain(panlock: Deployment) -> int:
    """The same, with the workers' signatures; returns how many there are."""
    signatures = _replay(panlock, Signed(panlock.cluster_id(), keys_of(panlock.policy.audit.worker_keys))).signatures
    assert signatures is not None
    return signatures


def _replay(panlock: Deployment, signed: Signed | None) -> Report:
    verifier = Verifier(panlock.policy.lanes, signed)
    verifier.first_offsets(dict.fromkeys(range(panlock.policy.lanes), 0))
    for record in panlock.read(AUDIT):
        verifier.add(record.partition, record.offset, record.key, record.value)
    report = verifier.report()
    assert report.ok, report.json()
    return report


def lane_events(panlock: Deployment, type_: str, lane: int) -> list[dict[str, Any]]:
    return [event for event in panlock.events(type_) if event["lane"] == lane]
