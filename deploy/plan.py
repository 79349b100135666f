"""The difference between what a policy asks for and what the cluster has. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass

from deploy.desired import Desired, Topic
from deploy.grants import Acl
from deploy.observed import Observed, ObservedTopic
from deploy.reach import is_over_all, is_own, is_panlocks, touches


@dataclass(frozen=True, slots=True)
class Grow:
    topic: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Configure:
    topic: str
    key: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Found:
    """What apply does not mend. `refused`: it also stops apply, before anything is done."""

    subject: str
    what: str
    remedy: str
    refused: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """`revoke`: ACLs that nothing in the policy grants, on Panlock's own resources alone; removed only when asked.

    `notes`: who can go around all of it. No drift, as every cluster has some; to be known, and few.
    """

    create: tuple[Topic, ...]
    grow: tuple[Grow, ...]
    configure: tuple[Configure, ...]
    grant: tuple[Acl, ...]
    revoke: tuple[Acl, ...]
    found: tuple[Found, ...]
    notes: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether apply has something to do."""
        return bool(self.create or self.grow or self.configure or self.grant)

    @property
    def drift(self) -> bool:
        return self.changes or bool(self.revoke or self.found)

    @property
    def refused(self) -> tuple[Found, ...]:
        return tuple(each for each in self.found if each.refused)


def plan(desired: Desired, observed: Observed) -> Plan:
    """What to do, and what apply leaves to people."""
    create = tuple(topic for topic in desired.topics if topic.name not in observed.topics)
    pairs = [(topic, observed.topics[topic.name]) for topic in desired.topics if topic.name in observed.topics]
    grow = tuple(Grow(t.name, has.partitions, t.partitions) for t, has in pairs if _may_grow(t, has))
    differ = [Configure(*each) for topic, has in pairs for each in differences(topic, has)]
    extra = [acl for acl in sorted(observed.acls - desired.acls) if touches(acl, desired)]
    found = [
        *(each for topic, has in pairs for each in partitions(topic, has, desired.replication)),
        *(_loses(each) for each in differ if is_lossy(each)),
        *(each for topic, has in pairs for each in strange_configs(topic, has)),
        *map(_left_over, left_over(desired, observed.topics)),
        *(_too_wide(acl) for acl in extra if not is_own(acl, desired)),
    ]
    return Plan(
        create,
        grow,
        tuple(each for each in differ if not is_lossy(each)),
        tuple(sorted(desired.acls - observed.acls)),
        tuple(acl for acl in extra if is_own(acl, desired)),
        tuple(found),
        tuple(_note(acl) for acl in sorted(observed.acls - desired.acls) if is_over_all(acl)),
    )


def _may_grow(topic: Topic, has: ObservedTopic) -> bool:
    return not topic.lanes and has.partitions < topic.partitions


def partitions(topic: Topic, has: ObservedTopic, replication: int) -> Iterator[Found]:
    """A number of partitions that cannot be made, or replicas that are missing."""
    subject = f"topic {topic.name}"
    if topic.lanes and has.partitions != topic.partitions:
        what = f"has {has.partitions} partitions for {topic.partitions} lanes, and lanes are fixed for good"
        yield Found(subject, what, f"set lanes: {has.partitions} in the policy", refused=True)
    elif has.partitions > topic.partitions:
        what = f"has {has.partitions} partitions, the policy says {topic.partitions}, and Kafka removes none"
        yield Found(subject, what, f"set partitions: {has.partitions} in the policy", refused=True)
    if has.replication < replication:
        what = f"has {has.replication} replicas where {replication} are possible"
        yield Found(subject, what, "reassign its partitions (kafka-reassign-partitions)", refused=False)


def differences(topic: Topic, has: ObservedTopic) -> Iterator[tuple[str, str, str, str]]:
    """(topic, key, before, after) of each configuration that is another."""
    for key, value in topic.configs.items():
        before = has.configs.get(key, "")
        if set(before.split(",")) != set(value.split(",")):
            yield topic.name, key, before, value


def is_lossy(change: Configure) -> bool:
    """Whether the change could remove records that are there now."""
    if change.key == "cleanup.policy":
        return True
    if change.key not in ("retention.ms", "retention.bytes", "delete.retention.ms", "min.compaction.lag.ms"):
        return False
    before, after = (int(each) if each.lstrip("-").isdigit() else 0 for each in (change.before, change.after))
    return after != -1 and (before == -1 or after < before)


def _loses(change: Configure) -> Found:
    return Found(
        f"topic {change.topic}",
        f"{change.key} is {change.before}, the policy asks for {change.after}: setting it could remove records",
        "put the longer time into the policy, or set it by hand (kafka-configs) when the records may go",
        refused=True,
    )


def strange_configs(topic: Topic, has: ObservedTopic) -> Iterator[Found]:
    """On Panlock's own topics; a clean topic may be tuned by whoever reads it."""
    for key in sorted(has.overrides - topic.configs.keys()) if is_panlocks(topic.name) else ():
        remedy = "remove it by hand (kafka-configs --delete-config)"
        yield Found(f"topic {topic.name}", f"has {key} = {has.configs[key]}, not of the policy", remedy, refused=False)


def left_over(desired: Desired, topics: Iterable[str]) -> list[str]:
    """Topics of a name that only a policy may use, and that this one does not."""
    known = {topic.name for topic in desired.topics}
    return sorted(name for name in topics if is_panlocks(name) and name not in known)


def _left_over(topic: str) -> Found:
    remedy = "put its flow back, or `panlock deploy apply --prune` once nothing in it is needed"
    return Found(f"topic {topic}", "is in no flow of the policy, and may hold card data", remedy, refused=False)


def _note(acl: Acl) -> str:
    return f"{acl.principal} has {acl.operation} on the whole cluster, and with it the way to every topic"


def _too_wide(acl: Acl) -> Found:
    if acl.permission == "DENY":
        return Found(f"ACL {acl}", "is not of the policy", "lift it by hand once its reason is gone", refused=False)
    remedy = "narrow it by hand to the resources it is for (kafka-acls)"
    return Found(f"ACL {acl}", "reaches into Panlock's resources", remedy, refused=False)


def as_json(what: Plan) -> dict[str, object]:
    """For programs; `drift` says whether there is anything."""
    return {
        "drift": what.drift,
        "create": [
            {"topic": topic.name, "partitions": topic.partitions, "configs": dict(topic.configs)}
            for topic in what.create
        ],
        "grow": [asdict(each) for each in what.grow],
        "configure": [asdict(each) for each in what.configure],
        "grant": [acl._asdict() for acl in what.grant],
        "revoke": [acl._asdict() for acl in what.revoke],
        "found": [asdict(each) for each in what.found],
        "notes": list(what.notes),
    }
