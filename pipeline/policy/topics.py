"""The names of topics, from the policy alone."""

from pipeline.errors import PanlockError
from pipeline.policy.models import Policy

PENDING = "panlock.pending"
DECISIONS = "panlock.decisions"
AUDIT = "panlock.audit"
STATE = "panlock.state"
SEALER_AUDIT = "panlock.audit.sealer"  # its own events; one partition, as all emitters but workers have
BROKER_AUDIT = "panlock.audit.brokers"  # who read, wrote and was refused, of one emitter; one partition
ACCESS = "panlock.access"  # what brokers count, for that emitter; one partition
CHECKPOINTS = "panlock.checkpoints"  # one partition: checkpoints and manifests have one order
POLICY = "panlock.policy"  # one partition: policies have one order

HEADROOM = 64 * 1024  # bytes that headers, tokens and the JSON around a record may add to it
BUNDLE_BYTES = 1 << 20  # a policy and the files it names; base64 and signatures make a message of at most twice that
SMALL_MESSAGE = 128 * 1024  # decisions, ticks and rejections; an audit event is at most 65,535 bytes


class UnknownTopicError(PanlockError):
    """A topic that is no quarantine topic of the policy."""


def quarantine_topic(flow: str, principal: str) -> str:
    return f"quarantine.{flow}.{principal}"


def rejections_topic(principal: str) -> str:
    return f"panlock.rejections.{principal}"


def recordings_topic(flow: str) -> str:
    """One a flow, so that each has its own retention and readers."""
    return f"panlock.recordings.{flow}"


def recorded(policy: Policy) -> list[str]:
    """Topics of recordings, sorted."""
    return sorted(recordings_topic(name) for name, flow in policy.flows.items() if flow.recorded)


def sealer_id(policy: Policy) -> str:
    """The sealer's transactional id; workers', who may use any that begins with the application, cannot reach it."""
    return f"sealer-{policy.application}"


def broker_audit_id(policy: Policy) -> str:
    """The transactional id of who audits the brokers."""
    return f"broker-audit-{policy.application}"


def input_topics(policy: Policy) -> list[str]:
    """Every quarantine topic, sorted."""
    return sorted(quarantine_topic(name, owner) for name, flow in policy.flows.items() for owner in flow.producers)


def owner_of(policy: Policy, topic: str) -> tuple[str, str]:
    """(flow, principal) of a quarantine topic. Raises UnknownTopicError."""
    parts = topic.split(".")
    if len(parts) == 3 and parts[0] == "quarantine":
        flow = policy.flows.get(parts[1])
        if flow is not None and parts[2] in flow.producers:
            return parts[1], parts[2]
    raise UnknownTopicError(f"{topic} is no quarantine topic of the policy: add its flow and producer, or name another")


def limits(policy: Policy) -> dict[str, int]:
    """Topic → max.message.bytes, for every topic of the policy.

    A clean record may be larger than its quarantine record by tokens and headers, and its recording again by as much;
    a held one is base64 inside JSON.
    """
    largest = max(flow.max_message_bytes for flow in policy.flows.values())
    sizes = {STATE: 2 * largest + HEADROOM, PENDING: 2 * largest + HEADROOM, AUDIT: max(largest, 1 << 20)}
    sizes[DECISIONS] = SMALL_MESSAGE
    if policy.policy_approvers is not None:
        sizes[POLICY] = 2 * BUNDLE_BYTES
    if policy.audit.sealer_keys:
        sizes[SEALER_AUDIT] = sizes[CHECKPOINTS] = 1 << 20
    if policy.audit.broker_keys:
        sizes[BROKER_AUDIT] = sizes[ACCESS] = 1 << 20
    for name, flow in policy.flows.items():
        sizes[flow.clean_topic] = flow.max_message_bytes + HEADROOM
        if flow.recorded:
            sizes[recordings_topic(name)] = flow.max_message_bytes + 2 * HEADROOM
        for principal in flow.producers:
            sizes[quarantine_topic(name, principal)] = flow.max_message_bytes
            sizes[rejections_topic(principal)] = 1 << 20
    return sizes
