"""What a policy asks of the cluster: topics with their configurations, and ACLs. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from deploy.grants import Acl, grants
from pipeline.policy.models import Flow, Policy
from pipeline.policy.topics import (
    ACCESS,
    AUDIT,
    BROKER_AUDIT,
    CHECKPOINTS,
    DECISIONS,
    PENDING,
    POLICY,
    SEALER_AUDIT,
    STATE,
    limits,
    quarantine_topic,
    recordings_topic,
    rejections_topic,
)

DAY = 86_400_000  # ms
YEAR_OF_AUDIT = 400 * DAY  # PCI DSS v4.0.1 10.5.1 asks for 12 months; the rest is for whoever is late
WEEK = 7 * DAY

Configs = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Topic:
    """`lanes`: one partition a lane, fixed for good; else it may grow."""

    name: str
    partitions: int
    lanes: bool
    configs: Configs


@dataclass(frozen=True, slots=True)
class Desired:
    """`workers`: as ACLs name them; their certificates are for Panlock's work alone."""

    topics: tuple[Topic, ...]
    acls: frozenset[Acl]
    replication: int
    application: str
    workers: frozenset[str] = frozenset()


def desired(policy: Policy, brokers: int) -> Desired:
    """For a cluster of so many brokers. Clean topics come before the quarantine topics that flow into them."""
    replication = min(3, brokers)
    every = {
        "min.insync.replicas": str(max(1, replication - 1)),
        "unclean.leader.election.enable": "false",
    }
    sizes = limits(policy)
    made = (*_panlock(policy), *_sealed(policy), *_brokers(policy), *_changes(policy), *_flows(policy))
    topics = tuple(
        Topic(t.name, t.partitions, t.lanes, {**every, "max.message.bytes": str(sizes[t.name]), **t.configs})
        for t in made
    )
    workers = frozenset(f"User:{name}" for name in policy.roles.workers)
    return Desired(topics, grants(policy), replication, policy.application, workers)


def _delete(retention: int, time: str) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(retention),
        "retention.bytes": "-1",
        "message.timestamp.type": time,
    }


_AUDIT = {
    "cleanup.policy": "compact,delete",
    "retention.bytes": "-1",
    "message.timestamp.type": "LogAppendTime",
    **{key: str(YEAR_OF_AUDIT) for key in ("retention.ms", "min.compaction.lag.ms", "delete.retention.ms")},
}


def _sealed(policy: Policy) -> list[Topic]:
    """The sealer's own log, and what it says of all logs."""
    topics = (SEALER_AUDIT, CHECKPOINTS) if policy.audit.sealer_keys else ()
    return [Topic(name, 1, False, _AUDIT) for name in topics]


def _brokers(policy: Policy) -> list[Topic]:
    """What brokers count, as long as it may take to be audited, and what is made of it."""
    if not policy.audit.broker_keys:
        return []
    counted = Topic(ACCESS, 1, False, _delete(30 * DAY, "LogAppendTime"))
    return [counted, Topic(BROKER_AUDIT, 1, False, _AUDIT)]


def _panlock(policy: Policy) -> list[Topic]:
    state = {
        "cleanup.policy": "compact",
        "delete.retention.ms": str(WEEK),
        "message.timestamp.type": "LogAppendTime",
    }
    configs = {
        STATE: state,
        AUDIT: _AUDIT,
        PENDING: {"cleanup.policy": "compact"},
        DECISIONS: _delete(YEAR_OF_AUDIT, "LogAppendTime"),
    }
    producers = sorted({principal for flow in policy.flows.values() for principal in flow.producers})
    configs |= {rejections_topic(principal): _delete(WEEK, "CreateTime") for principal in producers}
    recorded = {name: flow.recording.kept_ms for name, flow in policy.flows.items() if flow.recorded}
    configs |= {
        recordings_topic(name): _delete(kept, "CreateTime") | {"segment.ms": str(min(DAY, kept))}
        for name, kept in recorded.items()
    }
    return [Topic(name, policy.lanes, True, each) for name, each in configs.items()]


def _changes(policy: Policy) -> list[Topic]:
    """Kept for good: workers follow it from its beginning. Not compacted: nobody can write over another's word."""
    return [] if policy.policy_approvers is None else [Topic(POLICY, 1, False, _delete(-1, "LogAppendTime"))]


def _flows(policy: Policy) -> list[Topic]:
    flows = policy.flows.items()
    clean = [_clean(flow) for _, flow in flows]
    return clean + [_quarantine(quarantine_topic(name, each), flow) for name, flow in flows for each in flow.producers]


def _clean(flow: Flow) -> Topic:
    return Topic(flow.clean_topic, flow.partitions, False, _delete(flow.clean_retention_ms, "CreateTime"))


def _quarantine(name: str, flow: Flow) -> Topic:
    """Segments roll each minute, so that purged card data leaves the disk; no copy of it goes to tiered storage."""
    configs = _delete(flow.retention_ms, "LogAppendTime") | {"segment.ms": "60000", "remote.storage.enable": "false"}
    return Topic(name, flow.partitions, False, configs)
