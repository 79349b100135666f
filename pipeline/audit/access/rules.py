"""What a policy says of an access: which of its topics it is of, and whether the policy gives it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pipeline.audit.access.report import Access
from pipeline.policy.models import Policy
from pipeline.policy.topics import ACCESS, AUDIT, BROKER_AUDIT, CHECKPOINTS, input_topics, limits

Grant = tuple[str, str, str]  # principal with its type, operation, topic


def kinds(policy: Policy) -> Mapping[str, str]:
    """What each topic of the policy holds: quarantine, clean, recordings, audit, or panlock (all else)."""
    clean, quarantine = {flow.clean_topic for flow in policy.flows.values()}, set(input_topics(policy))

    def kind(topic: str) -> str:
        if topic in quarantine:
            return "quarantine"
        if topic in clean:
            return "clean"
        if topic.startswith("panlock.recordings"):
            return "recordings"
        return "audit" if topic.startswith(AUDIT) or topic in (CHECKPOINTS, ACCESS) else "panlock"

    return {topic: kind(topic) for topic in limits(policy)}


@dataclass(frozen=True, slots=True)
class Rules:
    """`kinds`: of the policy's topics; `granted`: what its ACLs allow; `reporting`: the accesses without which there
    would be no report: an event for each of them would be one for each window, for good."""

    kinds: Mapping[str, str]
    granted: Collection[Grant]
    reporting: Collection[Grant]

    def is_reporting(self, access: Access) -> bool:
        return access.allowed and (access.principal, access.operation, access.name) in self.reporting

    def finding(self, access: Access) -> str | None:
        """Of an access that the broker allowed, and the policy does not."""
        granted = (access.principal, access.operation, access.name) in self.granted
        return None if granted else "not-by-policy"


def rules(policy: Policy, granted: Collection[Grant]) -> Rules:
    """`granted`: of every ACL that allows something on a topic."""
    roles = policy.roles
    reporting = {(f"User:{name}", "WRITE", ACCESS) for name in roles.brokers}
    for name in roles.broker_auditors:
        reporting |= {(f"User:{name}", "READ", ACCESS)}
        reporting |= {(f"User:{name}", operation, BROKER_AUDIT) for operation in ("READ", "WRITE")}
    return Rules(kinds(policy), frozenset(granted), reporting)
