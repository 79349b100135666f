"""Who may do what: a policy's ACLs, each role on one page.

Topics are named one by one (LITERAL): a prefix or wildcard would let tomorrow's topic in. Groups begin with the
certificate's CN or the principal's name, transactional ids with the application's name and a hyphen (PREFIXED).
"""

from collections.abc import Iterator
from typing import NamedTuple

from pipeline.approval.roles import OPERATORS
from pipeline.policy.models import Policy
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
    broker_audit_id,
    input_topics,
    owner_of,
    recorded,
    rejections_topic,
    sealer_id,
)
from pipeline.recording import REPLAYERS

CLUSTER = "kafka-cluster"


class Acl(NamedTuple):
    """One ACL. `resource`: topic, group, transactional-id, cluster; `pattern`: LITERAL, PREFIXED."""

    resource: str
    name: str
    pattern: str
    principal: str
    operation: str
    permission: str = "ALLOW"
    host: str = "*"

    def __str__(self) -> str:
        host = "" if self.host == "*" else f" from {self.host}"
        return (
            f"{self.permission} {self.principal} {self.operation} on {self.resource} {self.pattern}:{self.name}{host}"
        )


def grants(policy: Policy) -> frozenset[Acl]:
    """Every ACL of the policy."""
    roles = policy.roles
    every = _principals(policy), _consumers(policy), _people(policy), _replayers(policy), _auditors(policy)
    acls = [acl for some in (*every, _changes(policy)) for acl in some]
    for name in roles.workers:
        acls += _worker(policy, name)
    for name in roles.sealers if policy.audit.sealer_keys else ():
        acls += _sealer(policy, name)
    for name in roles.brokers if policy.audit.broker_keys else ():
        acls += _topic(name, ACCESS, "WRITE", "DESCRIBE")
    for name in roles.broker_auditors if policy.audit.broker_keys else ():
        acls += _broker_auditor(policy, name)
    for name in roles.operators:
        acls += _operator(policy, name)
    for name in roles.deployers:
        acls += _deployer(policy, name)
    return frozenset(acls)


def managed_topics(policy: Policy) -> list[str]:
    """Every topic of the policy."""
    inputs = input_topics(policy)
    owners = sorted({owner_of(policy, topic)[1] for topic in inputs})
    clean = [flow.clean_topic for flow in policy.flows.values()]
    changes = [] if policy.policy_approvers is None else [POLICY]
    rejections = (rejections_topic(owner) for owner in owners)
    own = [STATE, AUDIT, PENDING, DECISIONS, *_sealed(policy), *_brokers(policy), *changes]
    return [*own, *rejections, *recorded(policy), *clean, *inputs]


def _sealed(policy: Policy) -> list[str]:
    return [SEALER_AUDIT, CHECKPOINTS] if policy.audit.sealer_keys else []


def _brokers(policy: Policy) -> list[str]:
    return [BROKER_AUDIT, ACCESS] if policy.audit.broker_keys else []


def _principals(policy: Policy) -> Iterator[Acl]:
    """Write to their own quarantine topics, read their own rejections."""
    for topic in input_topics(policy):
        owner = owner_of(policy, topic)[1]
        name = policy.kafka_name(owner)
        yield from _topic(name, topic, "WRITE", "DESCRIBE")
        yield from _topic(name, rejections_topic(owner), "READ", "DESCRIBE")
        yield from _own_groups(name, owner)
        if policy.denied.has("principal", owner):
            yield Acl("topic", topic, "LITERAL", f"User:{name}", "WRITE", "DENY")


def _consumers(policy: Policy) -> Iterator[Acl]:
    for flow in policy.flows.values():
        for name in flow.consumers:
            yield from _topic(name, flow.clean_topic, "READ", "DESCRIBE")
            yield from _own_groups(name)


def _people(policy: Policy) -> Iterator[Acl]:
    """See what is pending, and say what they decide; reading the audit takes the role auditors."""
    for person in policy.people.values():
        yield from _topic(person.certificate, PENDING, "READ", "DESCRIBE")
        yield from _topic(person.certificate, DECISIONS, "WRITE", "DESCRIBE")
        yield from _own_groups(person.certificate)


def _replayers(policy: Policy) -> Iterator[Acl]:
    """Read recordings, and in the audit what became of what they show."""
    topics = recorded(policy)
    for person in sorted(policy.holders((REPLAYERS,))):
        for topic in (*topics, AUDIT) if topics else ():
            yield from _topic(policy.people[person].certificate, topic, "READ", "DESCRIBE")


def _changes(policy: Policy) -> Iterator[Acl]:
    """Who may change the policy writes to its topic; workers and auditors read what they wrote.

    Operators write there who may speak no more. Where people sign in, workers keep the issuers' keys there, too.
    """
    if policy.policy_approvers is None:
        return
    for person in sorted(policy.holders(policy.policy_approvers.roles)):
        yield from _topic(policy.people[person].certificate, POLICY, "READ", "WRITE", "DESCRIBE")
    for person in sorted(policy.holders([OPERATORS])):
        yield from _topic(policy.people[person].certificate, POLICY, "WRITE", "DESCRIBE")
    sealers = policy.roles.sealers if policy.audit.sealer_keys else ()
    broker_auditors = policy.roles.broker_auditors if policy.audit.broker_keys else ()
    for name in (*policy.roles.workers, *policy.roles.auditors, *sealers, *broker_auditors):
        yield from _topic(name, POLICY, "READ", "DESCRIBE")
    for name in policy.roles.workers if policy.sign_ins else ():
        yield from _topic(name, POLICY, "WRITE")


def _auditors(policy: Policy) -> Iterator[Acl]:
    for name in policy.roles.auditors:
        for topic in (AUDIT, *_sealed(policy), *_brokers(policy)):
            yield from _topic(name, topic, "READ", "DESCRIBE", "DESCRIBE_CONFIGS")
        yield from _own_groups(name)


def _worker(policy: Policy, name: str) -> Iterator[Acl]:
    """Kafka's DELETE covers DeleteRecords, for the purge, and DeleteTopics: hence on quarantine topics alone."""
    for topic in input_topics(policy):
        yield from _topic(name, topic, "READ", "DELETE")
    for topic in (STATE, AUDIT, DECISIONS):
        yield from _topic(name, topic, "READ", "WRITE")
    owners = {owner_of(policy, topic)[1] for topic in input_topics(policy)}
    clean = (flow.clean_topic for flow in policy.flows.values())
    for topic in (PENDING, *map(rejections_topic, owners), *recorded(policy), *clean):
        yield from _topic(name, topic, "WRITE")
    for topic in managed_topics(policy):
        yield from _topic(name, topic, "DESCRIBE", "DESCRIBE_CONFIGS")
    for operation in ("WRITE", "DESCRIBE"):
        yield Acl("transactional-id", f"{policy.application}-", "PREFIXED", f"User:{name}", operation)
    for operation in ("READ", "DESCRIBE"):
        yield Acl("group", policy.application, "LITERAL", f"User:{name}", operation)
    yield from _own_groups(name)


def _sealer(policy: Policy, name: str) -> Iterator[Acl]:
    """Reads every log of the audit; writes what it says of them, and its own. Its transactional id keeps it single."""
    logs = (BROKER_AUDIT,) if policy.audit.broker_keys else ()
    for topic in (AUDIT, SEALER_AUDIT, CHECKPOINTS, *logs):
        yield from _topic(name, topic, "READ", "DESCRIBE", "DESCRIBE_CONFIGS")
    for topic in (SEALER_AUDIT, CHECKPOINTS):
        yield from _topic(name, topic, "WRITE")
    for operation in ("WRITE", "DESCRIBE"):
        yield Acl("transactional-id", sealer_id(policy), "LITERAL", f"User:{name}", operation)


def _broker_auditor(policy: Policy, name: str) -> Iterator[Acl]:
    """Reads what brokers count; writes its own log, and reads it to go on from there."""
    for topic in (ACCESS, BROKER_AUDIT):
        yield from _topic(name, topic, "READ", "DESCRIBE", "DESCRIBE_CONFIGS")
    yield from _topic(name, BROKER_AUDIT, "WRITE")
    for operation in ("WRITE", "DESCRIBE"):
        yield Acl("transactional-id", broker_audit_id(policy), "LITERAL", f"User:{name}", operation)


def _operator(policy: Policy, name: str) -> Iterator[Acl]:
    """See positions, lag, configurations and ACLs; no record of any topic."""
    for topic in managed_topics(policy):
        yield from _topic(name, topic, "DESCRIBE", "DESCRIBE_CONFIGS")
    yield Acl("group", policy.application, "LITERAL", f"User:{name}", "DESCRIBE")
    for operation in ("DESCRIBE", "DESCRIBE_CONFIGS"):
        yield Acl("cluster", CLUSTER, "LITERAL", f"User:{name}", operation)


def _deployer(policy: Policy, name: str) -> Iterator[Acl]:
    """Run `panlock deploy`. ALTER on the cluster lets them write ACLs, and so grant themselves anything."""
    for topic in managed_topics(policy):
        yield from _topic(name, topic, "CREATE", "ALTER", "ALTER_CONFIGS", "DESCRIBE", "DESCRIBE_CONFIGS")
    for operation in ("ALTER", "CREATE", "DESCRIBE"):
        yield Acl("cluster", CLUSTER, "LITERAL", f"User:{name}", operation)


def _topic(name: str, topic: str, *operations: str) -> Iterator[Acl]:
    return (Acl("topic", topic, "LITERAL", f"User:{name}", operation) for operation in operations)


def _own_groups(name: str, prefix: str | None = None) -> Iterator[Acl]:
    return (Acl("group", prefix or name, "PREFIXED", f"User:{name}", operation) for operation in ("READ", "DESCRIBE"))
