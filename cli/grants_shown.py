"""Grants as people see them: what all lanes together say of each."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from cli.output import plain
from cli.pending import time_left
from cli.pending_topic import PendingTopic
from pipeline.approval.grant import Grant, Terms, terms_of
from pipeline.audit.events import timestamp

SHOWN = 12  # characters of an id in a table; any beginning of at least eight names it
_COLOURS = {"open": "green", "waits": "yellow", "revoked": "red", "used up": "red", "ended": "red"}


@dataclass(frozen=True, slots=True)
class Known:
    """A grant, by lane, of `of` lanes."""

    terms: Terms
    lanes: Mapping[int, Grant]
    of: int

    @property
    def least(self) -> Grant:
        """The lane that has heard least of it."""
        return min(self.lanes.values(), key=lambda each: (each.revoked is None, len(each.votes)))

    @property
    def used(self) -> int:
        return sum(each.used for each in self.lanes.values())

    def state(self) -> str:
        """`ended` is by this machine's clock; the broker's decides."""
        if self.terms.until <= time.time() * 1000:
            return "ended"
        grants = self.lanes.values()
        if any(each.revoked for each in grants):
            return "revoked"
        if not all(each.opened for each in grants):
            return "waits"
        return "used up" if all(each.used >= self.terms.records for each in grants) else "open"


def known(topic: PendingTopic) -> list[Known]:
    """The next to end first."""
    found = [Known(next(iter(lanes.values())).terms, lanes, topic.lanes) for lanes in topic.grants.values() if lanes]
    return sorted(found, key=lambda each: (each.terms.until, each.terms.id))


def table(grants: Iterable[Known]) -> Table:
    made = Table("grant", "flow", "rule", "for records where", "state", "votes", "used", "ends in", "by", "reason")
    for each in grants:
        terms, state = each.terms, each.state()
        left = time_left(terms.until - int(time.time() * 1000))
        words = (terms.id[:SHOWN], terms.flow, terms.rule, terms.when)
        made.add_row(
            *map(plain, words),
            Text(state, _COLOURS[state]),
            *map(plain, (votes(each), used(each), left, each.least.proposer, terms.reason)),
        )
    return made


def votes(grant: Known) -> str:
    people = ", ".join(grant.least.people)
    lanes = "" if len(grant.lanes) == grant.of else f", in {len(grant.lanes)} of {grant.of} lanes"
    return f"{len(grant.least.votes)} of {grant.least.quorum}" + (f" ({people})" if people else "") + lanes


def used(grant: Known) -> str:
    return f"{grant.used}, at most {grant.terms.records} a lane"


def shown(grant: Known) -> dict[str, object]:
    """For programs."""
    return {
        "grant": grant.terms.id,
        "state": grant.state(),
        "terms": terms_of(grant.terms),
        "until": timestamp(grant.terms.until).decode(),
        "proposer": grant.least.proposer,
        "quorum": grant.least.quorum,
        "people": grant.least.people,
        "used": grant.used,
        "of": grant.of,
        "lanes": [
            {"lane": lane, "votes": each.people, "opened": each.opened, "revoked": each.revoked, "used": each.used}
            for lane, each in sorted(grant.lanes.items())
        ],
    }
