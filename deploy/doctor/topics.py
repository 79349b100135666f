"""The policy's topics that are there already: what `deploy apply` would change, and what it would refuse. Pure."""

from collections.abc import Iterator

from deploy.desired import Desired, Topic
from deploy.doctor.facts import Facts
from deploy.doctor.finding import Check, Finding, Severity, Tools
from deploy.observed import ObservedTopic
from deploy.plan import Configure, differences, is_lossy, left_over, partitions, strange_configs
from deploy.reach import is_panlocks

_AUDITED = ("panlock.audit", "panlock.checkpoints", "panlock.decisions", "panlock.policy")
_APPLY = "panlock deploy apply --policy"
_FRAME = 64 * 1024  # bytes of a request beside its largest batch


def topics(facts: Facts, desired: Desired, policy: str, tools: Tools) -> Iterator[Finding]:
    """`policy`: the file, for the commands."""
    largest = max(int(topic.configs["max.message.bytes"]) for topic in desired.topics) + _FRAME
    for where, value, fixed in facts.which("socket.request.max.bytes", lambda value: int(value) < largest):
        what = f"socket.request.max.bytes is {value}: the policy's largest record does not pass"
        remedy = tools.broker("socket.request.max.bytes", str(largest), fixed)
        yield Finding(Check.MESSAGE_SIZE, Severity.BLOCKER, where, what, (), remedy)
    for topic in desired.topics:
        has = facts.topics.get(topic.name)
        if has is not None and topic.name not in facts.unseen:
            yield from _topic(topic, has, desired.replication, f"{_APPLY} {policy}", tools)
    for name in left_over(desired, facts.topics):
        what = "is in no flow of the policy, and may hold card data"
        yield Finding(Check.LEFT_OVER, Severity.RISK, f"topic {name}", what, ("3.2.1",), f"{_APPLY} {policy} --prune")


def _topic(topic: Topic, has: ObservedTopic, replication: int, apply: str, tools: Tools) -> Iterator[Finding]:
    where = f"topic {topic.name}"
    for found in partitions(topic, has, replication):
        severity = Severity.BLOCKER if found.refused else Severity.RISK
        yield Finding(
            Check.TOPIC, severity, where, found.what, () if found.refused else ("10.5.1",), f"# {found.remedy}"
        )
    for change in (Configure(*each) for each in differences(topic, has)):
        yield _setting(change, apply, tools)
    for found in strange_configs(topic, has):
        key = found.what.split()[1]
        yield Finding(
            Check.TOPIC_SETTINGS, Severity.RISK, where, found.what, _asked(topic.name), tools.without(topic.name, key)
        )


def _setting(change: Configure, apply: str, tools: Tools) -> Finding:
    where, what = f"topic {change.topic}", f"{change.key} is {change.before}, the policy asks for {change.after}"
    if is_lossy(change):
        what += "; setting that may remove records, so `panlock deploy apply` refuses the whole policy"
        remedy = (
            f"{tools.topic(change.topic, change.key, change.after)}     # when the records may go\n"
            "# or put what is there into the policy"
        )
        return Finding(Check.TOPIC, Severity.BLOCKER, where, what, _asked(change.topic), remedy)
    if change.key == "max.message.bytes" and not is_panlocks(change.topic) and int(change.before) > int(change.after):
        what += ": producers' larger records would be refused"
        remedy = "# max_message_bytes of the flow, in the policy, if producers write such"
        return Finding(Check.MESSAGE_SIZE, Severity.RISK, where, what, (), remedy)
    requirements = ("10.6.1",) if change.key == "message.timestamp.type" else _asked(change.topic)
    return Finding(Check.TOPIC_SETTINGS, Severity.RISK, where, what, requirements, apply)


def _asked(topic: str) -> tuple[str, ...]:
    return ("10.5.1",) if topic.startswith(_AUDITED) else ("3.2.1",)
