"""Whether the cluster's topics fit the policy: what does not fit would lose, double or block records."""

from agents.cluster import Facts
from pipeline.audit.bound import MAX_BYTES
from pipeline.errors import PanlockError
from pipeline.policy import Policy
from pipeline.policy.topics import (
    ACCESS,
    AUDIT,
    BROKER_AUDIT,
    CHECKPOINTS,
    DECISIONS,
    POLICY,
    SEALER_AUDIT,
    quarantine_topic,
    rejections_topic,
)

LARGEST_EVENT = MAX_BYTES + 1024  # bytes of a batch of one event
_SINGLE = {POLICY, SEALER_AUDIT, CHECKPOINTS, BROKER_AUDIT, ACCESS}  # one partition, whatever the lanes
LARGEST_NOTICE = 4096  # a rejection: record id, reason and a place of at most 200 bytes; a tick is smaller


class ClusterMismatchError(PanlockError):
    """Topics that are not as the policy has them."""


def check_fit(policy: Policy, facts: Facts) -> None:
    """Raises ClusterMismatchError."""
    for topic, count in sorted(facts.partitions.items()):
        if topic.startswith("panlock.") and topic not in _SINGLE and count != policy.lanes:
            raise ClusterMismatchError(
                f"{topic} has {count} partitions, the policy has lanes: {policy.lanes}. The number of lanes is fixed "
                f"for good: say lanes: {count}, or deploy to another cluster"
            )
    for name, flow in policy.flows.items():
        most = max(facts.partitions[quarantine_topic(name, producer)] for producer in flow.producers)
        count = facts.partitions[flow.clean_topic]
        if count < most:
            raise ClusterMismatchError(
                f"{flow.clean_topic} has {count} partitions, its quarantine topics {most}, and a record keeps its "
                "partition: run `panlock deploy apply`"
            )
    for topic, least in _least_limits(policy).items():
        if facts.limits[topic] < least:
            raise ClusterMismatchError(
                f"{topic} takes batches of {facts.limits[topic]} bytes, Panlock writes up to {least}: "
                "raise its max.message.bytes (`panlock deploy apply`)"
            )


def _least_limits(policy: Policy) -> dict[str, int]:
    writing = {principal for flow in policy.flows.values() for principal in flow.producers}  # others have no topics
    notices = {rejections_topic(principal): LARGEST_NOTICE for principal in writing}
    return {AUDIT: LARGEST_EVENT, DECISIONS: LARGEST_NOTICE, **notices}
