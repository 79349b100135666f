"""Producers, topic names and retention of flows."""

from collections.abc import Iterator

from pipeline.policy.document import Cursor
from pipeline.policy.kinds import DURATION_UNITS, milliseconds_of
from pipeline.policy.problems import Problem, quote

WEEK = 7 * DURATION_UNITS["d"]


def check_producers(root: Cursor) -> Iterator[Problem]:
    """Each is one of the principals, once."""
    known = {name for name, _ in root.at("principals").members()}
    for _, flow in root.at("flows").members():
        seen: set[str] = set()
        for producer in flow.at("producers").elements():
            name = producer.text
            if name is None:
                continue
            if name not in known:
                yield producer.problem(f"{quote(name)} is no principal", "add it under principals, or mend the name")
            if name in seen:
                yield producer.problem(f"{quote(name)} stands twice", "keep one")
            seen.add(name)


def check_authorities(root: Cursor) -> Iterator[Problem]:
    """What people approve must say who a producer is; a worker's own configuration is nobody's to approve."""
    signed = any(principal.at("identity").text == "signed" for _, principal in root.at("principals").members())
    place = root.at("authorities")
    if signed and root.at("policy_approvers").data is not None and not place.data:
        yield place.problem(
            "is missing: with policy_approvers, people approve the CAs of signed producers, too",
            "name their PEM files, beside the policy",
        )


def check_sealed(root: Cursor) -> Iterator[Problem]:
    """What nobody signed could not be tied to the one who sealed it."""
    principals = root.at("principals").members()
    signed = {name for name, principal in principals if principal.at("identity").text == "signed"}
    for _, flow in root.at("flows").members():
        if flow.at("quarantine").text != "sealed":
            continue
        names = [name for name in flow.at("producers").texts() if name not in signed]
        if names:
            yield flow.at("quarantine").problem(
                f"sealed records are signed, and {', '.join(map(quote, names))} signs none",
                "give the producers `identity: signed`, or the flow `quarantine: clear`",
            )


def check_clean_topics(root: Cursor) -> Iterator[Problem]:
    """One flow each. Kafka itself refuses two names that differ in . and _ alone."""
    taken: dict[str, str] = {}
    for name, flow in root.at("flows").members():
        place = flow.at("clean", "topic")
        topic = place.text or f"clean.{name}"
        folded = topic.replace("_", ".")
        if folded in taken:
            yield place.problem(
                f"{quote(topic)} is, or to Kafka looks like, the clean topic of flow {quote(taken[folded])} too",
                "give each flow its own; names may not differ in . and _ alone",
            )
        taken.setdefault(folded, name)


def check_retention(root: Cursor) -> Iterator[Problem]:
    """A released record keeps its quarantine time: after an outage a shorter clean retention loses it."""
    for _, flow in root.at("flows").members():
        clean = flow.at("clean", "retention")
        kept, quarantined = milliseconds_of(clean.data), milliseconds_of(flow.at("retention").data) or WEEK
        if kept is not None and kept < quarantined:
            yield clean.problem(
                "is shorter than the flow's own retention: what waited out an outage would be gone before it is read",
                "make it at least as long; the default is the flow's and 7d more",
            )
