"""A cluster as an administrator's certificate sees it. Makes no topic and writes no record."""

import time
from collections.abc import Iterable, Mapping
from functools import partial

from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ClusterMetadata, ConfigResource, ConfigSource, OffsetSpec, ResourceType

from deploy.admin import TIMEOUT, KafkaDeniedError, KafkaRefusedError, ask
from deploy.doctor.facts import INTERNAL, Broker, Controller, Facts, Setting
from deploy.grants import Acl
from deploy.observed import acls, check_may_see_acls, configurations, with_configurations

_NOBODYS = "panlock-doctor.nobodys"  # a topic that no ACL names, and nobody has


def read(
    admin: AdminClient,
    bootstrap: str,
    wanted: Iterable[str],
    controller: Controller | None,
    features: Mapping[str, int] | None,
) -> Facts:
    """`wanted`: topics whose settings are looked at, where they are there. Raises KafkaDeniedError where the ACLs may
    not be seen, KafkaUnreachableError, KafkaRefusedError."""
    check_may_see_acls(admin)
    metadata = ask("list the topics", lambda: admin.list_topics(timeout=TIMEOUT))
    names = list(wanted)
    present = [name for name in names if name in metadata.topics]
    configs, unseen = _configurations(admin, present)
    absent = [name for name in (*INTERNAL, *names) if name not in metadata.topics]
    denied = _denied(admin, [*absent, _NOBODYS])
    topics = with_configurations(metadata, present, configs)
    return Facts(
        bootstrap,
        tuple(Broker(number, _settings(admin, number)) for number in sorted(metadata.brokers)),
        topics,
        _acls(admin),
        _NOBODYS in denied,
        time.time_ns() // 1_000_000,
        {name: topics[name].replication for name in INTERNAL if name in topics},
        unseen | (denied - {_NOBODYS}),
        _stamps(admin, metadata),
        controller,
        features,
    )


def _settings(admin: AdminClient, number: int) -> dict[str, Setting] | None:
    (future,) = admin.describe_configs(
        [ConfigResource(ResourceType.BROKER, str(number))], request_timeout=TIMEOUT
    ).values()
    try:
        entries = ask(f"read the settings of broker {number}", partial(future.result, TIMEOUT))
    except KafkaDeniedError:
        return None
    return {
        name: Setting(entry.value, entry.is_read_only)
        for name, entry in entries.items()
        if entry.value is not None or entry.source != ConfigSource.DEFAULT_CONFIG.value  # set, and hidden
    }


def _configurations(
    admin: AdminClient, topics: list[str]
) -> tuple[dict[str, tuple[dict[str, str], set[str]]], set[str]]:
    """And the topics whose configuration this certificate may not see."""
    found: dict[str, tuple[dict[str, str], set[str]]] = {}
    unseen = set()
    for topic in topics:
        try:
            found |= configurations(admin, [topic])
        except KafkaDeniedError:
            unseen.add(topic)
    return found, unseen


def _acls(admin: AdminClient) -> frozenset[Acl] | None:
    try:
        return acls(admin)
    except KafkaRefusedError as error:
        if error.code != KafkaError.SECURITY_DISABLED:
            raise
        return None


def _denied(admin: AdminClient, topics: list[str]) -> set[str]:
    """Topics that Kafka denies to this certificate, rather than to say whether they are there."""
    found = set()
    answers = admin.describe_topics(TopicCollection(topics), request_timeout=TIMEOUT)
    for topic, future in answers.items():
        try:
            ask(f"describe the topic {topic}", partial(future.result, TIMEOUT))
        except KafkaDeniedError:
            found.add(topic)
        except KafkaRefusedError as error:
            if error.code != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
    return found


def _stamps(admin: AdminClient, metadata: ClusterMetadata) -> dict[int, int]:
    """Broker → newest time (ms) that it wrote into Kafka's own topics, of those that it leads."""
    leaders = {
        (name, number): partition.leader
        for name in INTERNAL
        if name in metadata.topics
        for number, partition in metadata.topics[name].partitions.items()
        if partition.leader >= 0
    }
    places = [TopicPartition(*place) for place in leaders]
    asked = dict.fromkeys(places, OffsetSpec.max_timestamp())
    answers = admin.list_offsets(asked, request_timeout=TIMEOUT) if asked else {}
    found: dict[int, int] = {}
    for place, future in answers.items():
        try:
            stamp = future.result(TIMEOUT).timestamp
        except KafkaException:  # its leader has just moved: another partition tells
            continue
        leader = leaders[place.topic, place.partition]
        found[leader] = max(found.get(leader, -1), stamp)
    return found
