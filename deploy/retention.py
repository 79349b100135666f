"""What a policy says that each topic keeps, beside what the topic is set to keep and what is there. Pure.

PCI DSS v4.0.1: 3.2.1 (kept no longer than needed), 10.5.1 (audit kept for twelve months, three of them at hand).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from deploy.desired import Topic
from pipeline.policy import Policy
from pipeline.policy.topics import AUDIT, CHECKPOINTS, DECISIONS, POLICY, SEALER_AUDIT, input_topics, recorded

FOREVER = -1
CHECKS = 6 * 60_000  # ms: the broker looks every 5 minutes, and removes a file a minute later
WEEK = 7 * 86_400_000
_AUDITED = (AUDIT, DECISIONS, SEALER_AUDIT, CHECKPOINTS, POLICY)


class Verdict(StrEnum):
    """`overdue`: records are older than their topic may keep them."""

    FINE = "fine"
    MISSING = "missing"
    LONGER = "longer"
    SHORTER = "shorter"
    CLEANUP = "cleanup"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class There:
    """Of one topic on the cluster: its configuration; `oldest`: time (ms) of the oldest record that can be read, None
    where there is none; `disk`: bytes on the brokers' disks; `purged`: those of partitions with nothing to read."""

    configs: Mapping[str, str]
    oldest: int | None
    disk: int
    purged: int


@dataclass(frozen=True, slots=True)
class Kept:
    """`policy`, `configured` in ms; FOREVER: for good; None: the last record of each key. `until`: how old (ms) a
    record may become before its segment is gone."""

    topic: str
    requirement: str
    holds: str
    policy: int | None
    configured: int | None
    until: int | None
    age: int | None
    disk: int
    purged: int
    verdict: Verdict


def kept(policy: Policy, topics: tuple[Topic, ...], there: Mapping[str, There], now: int) -> list[Kept]:
    """One for each topic of the policy. `now` in ms."""
    quarantine, recordings = set(input_topics(policy)), set(recorded(policy))
    return [_kept(topic, there.get(topic.name), _holds(topic.name, quarantine, recordings), now) for topic in topics]


def _holds(topic: str, quarantine: set[str], recordings: set[str]) -> tuple[str, str]:
    """Requirement, and what the topic holds."""
    if topic in quarantine:
        return "3.2.1", "what producers wrote"
    if topic in recordings:
        return "3.2.1", "recordings"
    return ("10.5.1", "audit") if topic in _AUDITED else ("3.2.1", "masked")


def _kept(topic: Topic, there: There | None, holds: tuple[str, str], now: int) -> Kept:
    wanted = _time(topic.configs)
    if there is None:
        return Kept(topic.name, *holds, wanted, None, None, None, 0, 0, Verdict.MISSING)
    configured = _time(there.configs)
    until = None
    if configured is not None and configured != FOREVER:
        until = configured + int(there.configs.get("segment.ms", WEEK)) + CHECKS
    age = None if there.oldest is None else max(0, now - there.oldest)
    same = _cleanup(topic.configs) == _cleanup(there.configs)
    verdict = _verdict(wanted, configured, until, age) if same else Verdict.CLEANUP
    return Kept(topic.name, *holds, wanted, configured, until, age, there.disk, there.purged, verdict)


def _verdict(wanted: int | None, configured: int | None, until: int | None, age: int | None) -> Verdict:
    if wanted != configured and wanted is not None and configured is not None:
        longer = configured == FOREVER or (wanted != FOREVER and configured > wanted)
        return Verdict.LONGER if longer else Verdict.SHORTER
    return Verdict.OVERDUE if age is not None and until is not None and age > until else Verdict.FINE


def _time(configs: Mapping[str, str]) -> int | None:
    return int(configs.get("retention.ms", WEEK)) if "delete" in _cleanup(configs) else None


def _cleanup(configs: Mapping[str, str]) -> set[str]:
    return set(configs.get("cleanup.policy", "delete").split(","))
