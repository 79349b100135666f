"""`panlock retention`: what each topic may keep, is set to keep, and has; and the brokers made to follow the policy."""

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from rich.table import Table

from agents.log_dirs import bytes_on_disk
from agents.settings import Kafka
from cli.config import ConfigOption, load_config
from cli.kafka import told
from cli.output import JsonOption, plain, print_json, print_table, say
from deploy.admin import TIMEOUT, ask, connect
from deploy.apply import configure
from deploy.desired import Topic, desired
from deploy.observed import ObservedTopic, count_brokers, observe
from deploy.plan import Configure
from deploy.retention import FOREVER, Kept, There, Verdict, kept
from pipeline.audit.events import timestamp
from pipeline.policy import load_policy

_KEYS = ("retention.ms", "retention.bytes", "segment.ms", "min.compaction.lag.ms", "delete.retention.ms")
_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000


def retention(
    policy: Annotated[Path, typer.Option(help="The policy.")],
    config: ConfigOption = None,
    enforce: Annotated[
        bool, typer.Option("--enforce", help="Set what the topics keep to what the policy says; removes what is older.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Exit 1 where something is kept for longer or shorter than the policy says. Reads no record."""
    loaded, settings = load_policy(policy), load_config(config)
    admin = connect(settings.kafka.model_dump(mode="json"))
    wanted = desired(loaded, count_brokers(admin)).topics
    if enforce:
        changes = _differences(wanted, observe(admin, [topic.name for topic in wanted]).topics)
        configure(admin, changes)
        for each in changes:
            say(f"{each.topic}: {each.key} = {each.before} -> {each.after}")
        say(f"{len(changes)} settings changed" if changes else "every topic is set to keep what the policy says")
    now = time.time_ns() // 1_000_000
    found = kept(loaded, wanted, _there(admin, settings.kafka, wanted), now)
    if as_json:
        print_json([_told(each, now) for each in found])
    else:
        print_table(_table(found))
    purged = sum(each.purged for each in found if each.holds == "what producers wrote")
    if purged:
        say(
            f"{purged:,} bytes of quarantine are purged and still on disk, in partitions where nothing has come since: "
            "they go when the next record comes there, or with the topic's retention (operations.md, *Retention*)"
        )
    raise typer.Exit(int(any(each.verdict is not Verdict.FINE for each in found)))


def _differences(wanted: tuple[Topic, ...], topics: Mapping[str, ObservedTopic]) -> list[Configure]:
    return [
        Configure(topic.name, key, topics[topic.name].configs.get(key, ""), topic.configs[key])
        for topic in wanted
        if topic.name in topics
        for key in _KEYS
        if key in topic.configs and topics[topic.name].configs.get(key) != topic.configs[key]
    ]


def _there(admin: AdminClient, kafka: Kafka, wanted: tuple[Topic, ...]) -> dict[str, There]:
    topics = {
        name: each
        for name, each in observe(admin, [topic.name for topic in wanted]).topics.items()
        if name in {topic.name for topic in wanted}
    }
    with told(kafka, "tell what lies on the brokers' disks"):
        disk = asyncio.run(bytes_on_disk(kafka, {name: each.partitions for name, each in topics.items()}))
    places = [TopicPartition(name, number) for name, each in topics.items() for number in range(each.partitions)]
    firsts, ends = (_offsets(admin, places, spec) for spec in (OffsetSpec.for_timestamp(0), OffsetSpec.latest()))
    found = {}
    for name, each in topics.items():
        parts = [(name, number) for number in range(each.partitions)]
        times = [firsts[part][1] for part in parts if 0 <= firsts[part][0] < ends[part][0]]
        empty = [part for part in parts if not 0 <= firsts[part][0] < ends[part][0]]
        oldest = min(times, default=None)
        sizes = sum(disk.get(part, 0) for part in parts), sum(disk.get(part, 0) for part in empty)
        found[name] = There(each.configs, oldest, *sizes)
    return found


def _offsets(
    admin: AdminClient, places: list[TopicPartition], spec: OffsetSpec
) -> dict[tuple[str, int], tuple[int, int]]:
    """(offset, time in ms) of a partition's record; (-1, -1) where there is none."""
    answers = admin.list_offsets(dict.fromkeys(places, spec), request_timeout=TIMEOUT)
    found = {}
    for place, future in answers.items():
        answer = ask("list offsets", partial(future.result, TIMEOUT))
        found[place.topic, place.partition] = answer.offset, answer.timestamp
    return found


def _table(found: list[Kept]) -> Table:
    table = Table("topic", "holds", "policy", "set to", "gone by", "oldest record", "on disk", "PCI DSS", "")
    for each in found:
        age = "none" if each.age is None else f"{_span(each.age)} old"
        told_ = (each.topic, each.holds, _span(each.policy), _span(each.configured), _span(each.until), age)
        table.add_row(*map(plain, (*told_, f"{each.disk:,}", each.requirement, each.verdict)))
    return table


def _span(ms: int | None) -> str:
    if ms is None:
        return "last of each key"
    if ms == FOREVER:
        return "for good"
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if ms >= 2 * size:
            return f"{ms / size:.3g} {unit}"
    return f"{ms / 1000:.3g} s"


def _told(each: Kept, now: int) -> dict[str, object]:
    """For programs: times in ms, null for the last record of each key, -1 for good."""
    return {
        "topic": each.topic,
        "requirement": each.requirement,
        "holds": each.holds,
        "policy_ms": each.policy,
        "configured_ms": each.configured,
        "gone_by_ms": each.until,
        "oldest": None if each.age is None else timestamp(now - each.age).decode(),
        "disk_bytes": each.disk,
        "purged_bytes": each.purged,
        "verdict": each.verdict.value,
    }
