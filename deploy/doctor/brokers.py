"""What brokers are set to, beside what Panlock's transactions, topics and purges need of them. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from deploy.doctor.facts import INTERNAL, Facts, named
from deploy.doctor.finding import Check, Finding, Severity, Tools

TRANSACTION_TIMEOUT = 10_000  # ms, of the workers' producers
SESSION_TIMEOUT = 10_000  # ms, of a worker unless its configuration says otherwise
HOUR = 3_600_000
TRANSACTION_LEVEL, TESTED_LEVEL = 2, 25  # transaction.version (KIP-890); metadata.version of Kafka 4.0
COPIES = 3
_METADATA = "metadata.version"


class _Bound(NamedTuple):
    """A setting that is a number, and what it may be; beyond it, `what` follows."""

    check: Check
    severity: Severity
    key: str
    least: int
    most: int
    what: str
    requirements: tuple[str, ...]
    better: int


_MAX = 2**63 - 1
_BOUNDS = (
    _Bound(
        Check.TRANSACTIONS, Severity.BLOCKER, "transaction.max.timeout.ms", TRANSACTION_TIMEOUT, _MAX,
        f"workers ask for transactions of {TRANSACTION_TIMEOUT} ms, and are refused", (), 900_000,
    ),
    _Bound(
        Check.TRANSACTIONS, Severity.RISK, "transactional.id.expiration.ms", HOUR, _MAX,
        "a lane that is idle for longer opens again at its next record", (), 604_800_000,
    ),
    _Bound(
        Check.SESSIONS, Severity.BLOCKER, "group.min.session.timeout.ms", 0, SESSION_TIMEOUT,
        f"workers join with {SESSION_TIMEOUT} ms, and are refused", (), 6_000,
    ),
    _Bound(
        Check.SESSIONS, Severity.BLOCKER, "group.max.session.timeout.ms", SESSION_TIMEOUT, _MAX,
        f"workers join with {SESSION_TIMEOUT} ms, and are refused", (), 1_800_000,
    ),
    _Bound(
        Check.SEGMENTS, Severity.RISK, "log.retention.check.interval.ms", 0, 600_000,
        "card data that is purged from quarantine stays on the disk for that much longer", ("3.2.1",), 300_000,
    ),
    _Bound(
        Check.SEGMENTS, Severity.RISK, "log.segment.delete.delay.ms", 0, 600_000,
        "card data that is purged from quarantine stays on the disk for that much longer", ("3.2.1",), 60_000,
    ),
)  # fmt: skip
_SWITCHES = (
    (
        Check.AUTO_CREATE, Severity.RISK, "auto.create.topics.enable", "true", "false",
        "a mistyped name makes a topic that no policy knows, and card data may go there", ("12.5.2",),
    ),
    (
        Check.UNCLEAN_ELECTION, Severity.RISK, "unclean.leader.election.enable", "true", "false",
        "Kafka's own topics of transactions may lose what was committed, and other topics audit events", ("10.5.1",),
    ),
    (
        Check.TRANSACTIONS, Severity.RISK, "transaction.partition.verification.enable", "false", "true",
        "a late write may leave a transaction that nobody ends", (),
    ),
    (
        Check.CLEANER, Severity.RISK, "log.cleaner.enable", "false", "true",
        "compacted topics grow for good: panlock.state, panlock.pending", (),
    ),
)  # fmt: skip


def settings(facts: Facts, tools: Tools) -> Iterator[Finding]:
    """Limits and switches, broker by broker."""
    for bound in _BOUNDS:
        for where, value, fixed in facts.which(bound.key, lambda value, b=bound: not b.least <= int(value) <= b.most):  # type: ignore[misc]
            what = f"{bound.key} is {value}: {bound.what}"
            remedy = tools.broker(bound.key, str(bound.better), fixed)
            yield Finding(bound.check, bound.severity, where, what, bound.requirements, remedy)
    for check, severity, key, wrong, right, why, requirements in _SWITCHES:
        for where, value, fixed in facts.which(key, wrong.__eq__):
            remedy = tools.broker(key, right, fixed)
            yield Finding(check, severity, where, f"{key} is {value}: {why}", requirements, remedy)
    for where, value, _ in facts.which(
        "group.coordinator.rebalance.protocols", lambda v: "classic" not in v.split(",")
    ):
        what = f"group.coordinator.rebalance.protocols is {value}: workers join by the classic one"
        remedy = tools.broker("group.coordinator.rebalance.protocols", f"classic,{value}", True)
        yield Finding(Check.SESSIONS, Severity.BLOCKER, where, what, (), remedy)
    for key in ("create.topic.policy.class.name", "alter.config.policy.class.name"):
        for where, value, _ in facts.which(key, bool):
            what = f"{key} is {value}: whether it lets Panlock's topics pass is not to be seen from here"
            remedy = "# see that it takes the topics that `panlock deploy plan` shows"
            yield Finding(Check.TOPIC_POLICY, Severity.UNKNOWN, where, what, (), remedy)
    for where, _ in facts.set("delegation.token.secret.key"):
        what = "clients may come with delegation tokens, under the name of whoever made one, without a certificate"
        yield Finding(Check.TOKENS, Severity.RISK, where, what, ("8.3.1",), tools.tokens())


def copies(facts: Facts, tools: Tools) -> Iterator[Finding]:
    """Brokers enough, and as many copies as there can be of what transactions rest on."""
    count = len(facts.brokers)
    possible = min(COPIES, count)
    if count < COPIES:
        what = f"{count} broker{'s' * (count > 1)}: a broker that is down stops Panlock, and its disk is all there is"
        remedy = "# add brokers until there are three, then `panlock deploy check`"
        yield Finding(Check.BROKERS, Severity.RISK, "cluster", what, ("10.5.1",), remedy)
    for topic in INTERNAL:
        has = facts.internal.get(topic)
        if has is not None and has < possible:
            what = (
                f"has {has} replica{'s' * (has > 1)} where {possible} are possible: transactions end with that broker"
            )
            remedy = "# kafka-reassign-partitions.sh --execute, with three replicas for each partition"
            yield Finding(Check.INTERNAL_TOPICS, Severity.RISK, f"topic {topic}", what, ("10.5.1",), remedy)
        elif has is None and topic not in facts.unseen:
            yield from _to_be_made(facts, tools, topic, count)
    if count >= COPIES:
        for where, value, fixed in facts.which("min.insync.replicas", lambda value: int(value) < 2):
            what = f"min.insync.replicas is {value}: Kafka's own topics acknowledge what one broker alone has"
            remedy = tools.broker("min.insync.replicas", "2", fixed)
            yield Finding(Check.MIN_INSYNC, Severity.RISK, where, what, ("10.5.1",), remedy)
        for where, value, _ in facts.which("transaction.state.log.min.isr", lambda value: int(value) < 2):
            what = f"transaction.state.log.min.isr is {value}: a transaction's end may be lost with one broker"
            remedy = tools.broker("transaction.state.log.min.isr", "2", True)
            yield Finding(Check.INTERNAL_TOPICS, Severity.RISK, where, what, ("10.5.1",), remedy)


def _to_be_made(facts: Facts, tools: Tools, topic: str, count: int) -> Iterator[Finding]:
    """By Kafka, at the first transaction or group, as the brokers are set to then."""
    prefix = "transaction.state.log" if topic == INTERNAL[0] else "offsets.topic"
    key = f"{prefix}.replication.factor"
    for where, value, _ in facts.which(key, lambda value: int(value) > count or int(value) < min(COPIES, count)):
        severity, why = Severity.RISK, "transactions and groups end with that broker"
        if int(value) > count:
            severity, why = (
                Severity.BLOCKER,
                f"with {count} brokers Kafka cannot make {topic}, and no transaction begins",
            )
        remedy = tools.broker(key, str(min(COPIES, count)), True)
        yield Finding(Check.INTERNAL_TOPICS, severity, where, f"{key} is {value}: {why}", (), remedy)


def features(facts: Facts, tools: Tools) -> Iterator[Finding]:
    """What the cluster has finalized: a cluster of new brokers may still speak as an old one."""
    if facts.features is None:
        remedy = (
            "kafka-features.sh --bootstrap-server " + facts.bootstrap + " --command-config admin.properties describe"
        )
        yield Finding(Check.FEATURES, Severity.UNKNOWN, "cluster", "its features could not be asked for", (), remedy)
        return
    level = facts.features.get(_METADATA, 0)
    if level < TESTED_LEVEL:
        what = f"{_METADATA} is {level}, that of brokers before Kafka 4.0: Panlock is tested on 4.3 alone"
        remedy = "# upgrade the brokers, then\n" + tools.upgrade(_METADATA, TESTED_LEVEL)
        yield Finding(Check.FEATURES, Severity.RISK, "cluster", what, ("6.3.3",), remedy)
    elif facts.features.get("transaction.version", 0) < TRANSACTION_LEVEL:
        what = (
            "transaction.version is below 2: a producer that was fenced late may leave a transaction that nobody ends"
        )
        remedy = tools.upgrade("transaction.version", TRANSACTION_LEVEL)
        yield Finding(Check.FEATURES, Severity.RISK, "cluster", what, (), remedy)


def unseen(facts: Facts) -> Iterator[Finding]:
    """What this certificate may not see is no better than wrong."""
    blind = [broker.id for broker in facts.brokers if broker.settings is None]
    who = "# a certificate with DESCRIBE_CONFIGS on the cluster and DESCRIBE, DESCRIBE_CONFIGS on these topics"
    if blind:
        what = "Kafka denies this certificate to see their settings: listeners, limits and defaults were not looked at"
        yield Finding(Check.UNSEEN, Severity.UNKNOWN, named(blind), what, ("2.2.6",), who)
    for topic in sorted(facts.unseen):
        what = "Kafka denies this certificate to see it: it was not looked at"
        yield Finding(Check.UNSEEN, Severity.UNKNOWN, f"topic {topic}", what, ("2.2.6",), who)
