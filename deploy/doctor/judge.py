"""All that is looked at, on one page. Pure."""

from deploy.desired import Desired
from deploy.doctor.access import access
from deploy.doctor.brokers import copies, features, settings, unseen
from deploy.doctor.clocks import clocks
from deploy.doctor.facts import Facts
from deploy.doctor.finding import Finding, Tools, ordered
from deploy.doctor.listeners import authorizer, listeners, mapping
from deploy.doctor.topics import topics


def judge(facts: Facts, desired: Desired | None, policy: str) -> list[Finding]:
    """The worst first. `policy`: the file of what is `desired`, for the commands; without one its topics are not
    looked at, and of the ACLs those alone that reach whatever a policy may name."""
    tools = Tools(facts.bootstrap)
    found = [
        *authorizer(facts, tools),
        *listeners(facts, tools),
        *mapping(facts, tools),
        *copies(facts, tools),
        *settings(facts, tools),
        *features(facts, tools),
        *clocks(facts),
        *access(facts, desired, tools),
        *(topics(facts, desired, policy, tools) if desired else ()),
        *unseen(facts),
    ]
    return ordered(found)
