"""Looking into topics that a policy has left behind, and deleting those that may go."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from deploy.admin import TIMEOUT, KafkaDeniedError, KafkaRefusedError, ask, settle
from deploy.apply import LOOK, SETTLE_LIMIT, NotSettledError
from deploy.prune import Held

Place = tuple[str, int]
T = TypeVar("T")

# from a broker that has just begun to coordinate the group, or has just ceased to
_NOT_YET = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
}


def held(admin: AdminClient, topics: Iterable[str], group: str) -> dict[str, Held | None]:
    """By topic; None where this certificate may not look. `group`: the workers'."""
    found: dict[str, Held | None] = dict.fromkeys(topics)
    try:
        positions, members = _positions(admin, group), _members(admin, group)
    except KafkaDeniedError:
        return found
    for topic in found:
        try:
            found[topic] = _held(admin, topic, positions, members[topic])
        except KafkaDeniedError:
            continue
    return found


def _held(admin: AdminClient, topic: str, positions: dict[Place, int], members: int) -> Held:
    metadata = ask(f"look at {topic}", lambda: admin.list_topics(topic, timeout=TIMEOUT)).topics[topic]
    places = [TopicPartition(topic, number) for number in metadata.partitions]
    starts, ends = (_offsets(admin, places, spec) for spec in (OffsetSpec.earliest(), OffsetSpec.latest()))
    records = sum(ends[place] - starts[place] for place in ends)
    unread = sum(max(0, ends[place] - max(starts[place], positions.get(place, 0))) for place in ends)
    return Held(records, unread, members)


def _offsets(admin: AdminClient, places: list[TopicPartition], spec: OffsetSpec) -> dict[Place, int]:
    answers = admin.list_offsets(dict.fromkeys(places, spec), request_timeout=TIMEOUT)
    return {
        (place.topic, place.partition): ask("list offsets", partial(future.result, TIMEOUT)).offset
        for place, future in answers.items()
    }


def _positions(admin: AdminClient, group: str) -> dict[Place, int]:
    """Where the group stands: no further than the lanes, which tell it some seconds later."""
    wanted = [ConsumerGroupTopicPartitions(group)]
    answer = coordinated(
        f"read the offsets of the group {group}",
        lambda: admin.list_consumer_group_offsets(wanted, request_timeout=TIMEOUT),
    )
    return {(each.topic, each.partition): each.offset for each in answer.topic_partitions or ()}


def _members(admin: AdminClient, group: str) -> Counter[str]:
    """Topic → members of the group to which partitions of it are assigned."""
    described = coordinated(
        f"describe the group {group}", lambda: admin.describe_consumer_groups([group], request_timeout=TIMEOUT)
    )
    assigned = ({each.topic for each in member.assignment.topic_partitions} for member in described.members)
    return Counter(topic for topics in assigned for topic in topics)


def coordinated(what: str, call: Callable[[], Mapping[str, "Future[T]"]]) -> T:
    """What a call about one group answers, as soon as the group has a coordinator. Raises as `ask`."""
    end = time.monotonic() + SETTLE_LIMIT
    while True:
        (future,) = call().values()
        try:
            return ask(what, partial(future.result, TIMEOUT))
        except KafkaRefusedError as error:
            if error.code not in _NOT_YET or time.monotonic() > end:
                raise
            time.sleep(LOOK)


def delete(admin: AdminClient, topics: list[str]) -> None:
    """With their records; returns when the brokers show it. Raises NotSettledError, KafkaDeniedError."""
    settle("delete topics", admin.delete_topics(topics, request_timeout=TIMEOUT))
    end = time.monotonic() + SETTLE_LIMIT
    while time.monotonic() < end:
        if not set(topics) & ask("list the topics", lambda: admin.list_topics(timeout=TIMEOUT)).topics.keys():
            return
        time.sleep(LOOK)
    raise NotSettledError(f"the brokers still show {', '.join(topics)}: run `panlock deploy plan` again")
