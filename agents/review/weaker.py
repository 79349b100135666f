"""What a policy that came into force let pass that the one before it did not: a finding for each.

The audit names policies by the hashes of their bundles; one of that hash, wherever it comes from, is that policy.
"""

# ruff: noqa: E501  # texts, and a question that is a constant

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from agents.review.rules import Rule
from agents.search.engine import Connection
from pipeline.policy.bundle import Bundle
from pipeline.policy.weaker import weakenings

Policies = Mapping[str, Bundle]  # by hash

WEAKER = Rule(
    "policy-weaker",
    "A policy came into force under which something is weaker",
    "docs/policy.md#what-gets-weaker; was that meant, and is it still?",
    # whoever had a part in it: its author, who approved it, who put it in force
    'SELECT bundle, min("time"), any_value(previous), list(log || \' \' || id ORDER BY "time")[:20], (SELECT list(DISTINCT person) '
    "FROM events e WHERE e.type IN ('policy.proposed', 'policy.approved', 'policy.applied') AND e.event->>'$.resource.bundle' = bundle) "
    "FROM (SELECT *, event->>'$.resource.bundle' AS bundle, event->>'$.previous' AS previous FROM period "
    "WHERE type = 'policy.applied') GROUP BY bundle ORDER BY 2",
)
FIRST = "0" * 64  # `previous` of the first bundle


class Row(NamedTuple):
    """As the questions of other rules give them."""

    key: str
    time: datetime
    what: str
    events: Sequence[str]
    about: Sequence[str] | None


def weaker(connection: Connection, policies: Policies) -> Iterator[Row]:
    """Of the view `period`. A policy that is not at hand is a finding, too: what it weakened is not known."""
    for bundle, time, previous, events, about in connection.execute(WEAKER.sql).fetchall():
        if previous in (None, FIRST):
            continue
        missing = [each for each in (bundle, previous) if each not in policies]
        if missing:
            names = " and ".join(f"{each[:16]}…" for each in missing)
            what = f"not known: bundle {names} is not at hand; read an export that has it, or write `genesis:` into the configuration"
            yield Row(f"{bundle} unknown", time, what, events, about)
            continue
        version = policies[bundle].policy.version
        for each in weakenings(policies[previous], policies[bundle]):
            what = f"version {version}, {each.field}: {each.what} ({each.kind})"
            yield Row(f"{bundle} {each.kind} {each.field} {each.what}", time, what, events, about)
