"""Do the clocks of brokers, controller and this machine agree? Told without writing anything. Pure.

The active controller tells its time (KIP-595, KIP-836). Brokers stamp offsets and transactions as they write them: a
stamp from the future proves a clock ahead, one of the last minute that the clock is not behind by more than that.
"""

from collections.abc import Iterator

from deploy.doctor.facts import Facts, named
from deploy.doctor.finding import Check, Finding, Severity
from pipeline.audit.clocks import BOUND

_REMEDY = (
    "# see to NTP there and here (chronyc tracking): holds expire by the brokers' clocks, and the audit tells by them"
)


def clocks(facts: Facts) -> Iterator[Finding]:
    """10.6.1."""
    bound = int(BOUND * 1000)
    known = set()
    if facts.controller is not None:
        known.add(facts.controller.id)
        if abs(facts.controller.ahead) > bound:
            yield _apart(f"controller {facts.controller.id}", facts.controller.ahead)
    unknown = []
    for broker in facts.brokers:
        stamp = facts.stamps.get(broker.id)
        if stamp is not None and stamp - facts.now > bound:
            yield _apart(named([broker.id]), stamp - facts.now)
        elif broker.id not in known and (stamp is None or facts.now - stamp > bound):
            unknown.append(broker.id)
    if unknown:
        what = "wrote nothing in the last minute that would tell the time, and this command writes nothing"
        remedy = "# ask again while consumers commit offsets, or compare by hand: chronyc tracking"
        yield Finding(Check.CLOCK, Severity.UNKNOWN, named(unknown), what, ("10.6.1",), remedy)


def _apart(where: str, ahead: int) -> Finding:
    side = "ahead of" if ahead > 0 else "behind"
    what = f"its clock is {abs(ahead) / 1000:.0f} s {side} this machine's"
    return Finding(Check.CLOCK, Severity.RISK, where, what, ("10.6.1",), _REMEDY)
