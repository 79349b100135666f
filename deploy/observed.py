"""What the cluster has: its brokers, topics with configurations, and ACLs."""

from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial

from confluent_kafka import KafkaError
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ClusterMetadata,
    ConfigResource,
    ConfigSource,
    ResourcePatternType,
    ResourceType,
)

from deploy.admin import REACH, TIMEOUT, KafkaRefusedError, ask, denied
from deploy.grants import Acl

# confluent-kafka calls the cluster a broker
RESOURCES = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional-id": ResourceType.TRANSACTIONAL_ID,
    "cluster": ResourceType.BROKER,
}
_NAMES = {kind: name for name, kind in RESOURCES.items()}


@dataclass(frozen=True, slots=True)
class ObservedTopic:
    """`replication` is the fewest replicas of any partition; `led`: every partition has a leader.

    `overrides`: the configurations set on the topic itself; the rest are the brokers' defaults.
    """

    partitions: int
    replication: int
    led: bool
    configs: Mapping[str, str]
    overrides: AbstractSet[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Observed:
    brokers: int
    topics: Mapping[str, ObservedTopic]
    acls: frozenset[Acl]


def count_brokers(admin: AdminClient) -> int:
    """Raises KafkaUnreachableError."""
    return len(ask("list the brokers", lambda: admin.list_topics(timeout=REACH)).brokers)


def check_may_see_acls(admin: AdminClient) -> None:
    """Without Describe on the cluster, librdkafka reads the broker's refusal as "no ACLs". Raises KafkaDeniedError."""
    future = admin.describe_cluster(include_authorized_operations=True, request_timeout=TIMEOUT)
    allowed = ask("describe the cluster", partial(future.result, TIMEOUT)).authorized_operations or ()
    if AclOperation.DESCRIBE not in allowed:
        raise denied("read the ACLs")


def observe(admin: AdminClient, wanted: Iterable[str]) -> Observed:
    """All topics by name; configurations of those wanted. Raises KafkaUnreachableError, KafkaDeniedError.

    A topic whose configuration the broker that was asked does not have yet is not there yet: brokers learn one by one.
    """
    check_may_see_acls(admin)
    metadata = ask("list the topics", lambda: admin.list_topics(timeout=TIMEOUT))
    present = [name for name in wanted if name in metadata.topics]
    configs = configurations(admin, present)
    return Observed(len(metadata.brokers), with_configurations(metadata, present, configs), acls(admin))


def with_configurations(
    metadata: ClusterMetadata, wanted: Collection[str], configs: Mapping[str, tuple[dict[str, str], set[str]]]
) -> dict[str, ObservedTopic]:
    """All topics by name, without those wanted whose configuration is not there."""
    topics = {}
    for name, topic in metadata.topics.items():
        if name in wanted and name not in configs:
            continue
        partitions = topic.partitions.values()
        replication = min((len(partition.replicas) for partition in partitions), default=0)
        led = bool(partitions) and all(partition.leader >= 0 for partition in partitions)
        values, overrides = configs.get(name, ({}, set()))
        topics[name] = ObservedTopic(len(partitions), replication, led, values, overrides)
    return topics


def configurations(admin: AdminClient, topics: list[str]) -> dict[str, tuple[dict[str, str], set[str]]]:
    """(values, those set on the topic itself) by topic. Raises KafkaDeniedError if one of them may not be seen."""
    if not topics:
        return {}
    asked = [ConfigResource(ResourceType.TOPIC, name) for name in topics]
    answers = admin.describe_configs(asked, request_timeout=TIMEOUT)
    found = {}
    for resource, future in answers.items():
        try:
            entries = ask("read the topics' configurations", partial(future.result, TIMEOUT))
        except KafkaRefusedError as error:
            if error.code != KafkaError.UNKNOWN_TOPIC_OR_PART:  # not yet at this broker, or just deleted
                raise
            continue
        overrides = {key for key, entry in entries.items() if entry.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value}
        found[resource.name] = {key: str(entry.value) for key, entry in entries.items()}, overrides
    return found


def acls(admin: AdminClient) -> frozenset[Acl]:
    """Raises KafkaRefusedError where the brokers have no authorizer."""
    every = AclBindingFilter(
        ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY
    )
    future = admin.describe_acls(every, request_timeout=TIMEOUT)
    bindings = ask("read the ACLs", partial(future.result, TIMEOUT))
    return frozenset(from_binding(binding) for binding in bindings if binding.restype in _NAMES)


def writers(admin: AdminClient, topic: str) -> frozenset[str]:
    """Kafka principals, as `User:checkout`, that ACLs of this very topic let write. Raises KafkaDeniedError."""
    check_may_see_acls(admin)
    return frozenset(
        acl.principal
        for acl in acls(admin)
        if (acl.resource, acl.name, acl.pattern, acl.permission) == ("topic", topic, "LITERAL", "ALLOW")
        and acl.operation in ("WRITE", "ALL")
    )


def from_binding(binding: AclBinding) -> Acl:
    return Acl(
        _NAMES[binding.restype],
        binding.name,
        binding.resource_pattern_type.name,
        binding.principal,
        binding.operation.name,
        binding.permission_type.name,
        binding.host,
    )


def to_binding(acl: Acl) -> AclBinding:
    return AclBinding(
        RESOURCES[acl.resource],
        acl.name,
        ResourcePatternType[acl.pattern],
        acl.principal,
        acl.host,
        AclOperation[acl.operation],
        AclPermissionType[acl.permission],
    )


def to_filter(acl: Acl) -> AclBindingFilter:
    """Matches that ACL and no other."""
    return AclBindingFilter(
        RESOURCES[acl.resource],
        acl.name,
        ResourcePatternType[acl.pattern],
        acl.principal,
        acl.host,
        AclOperation[acl.operation],
        AclPermissionType[acl.permission],
    )
