"""Who besides the policy may read, write or administer what is Panlock's, by ACLs as the broker reads them. Pure."""

from collections.abc import Iterator
from enum import IntEnum

from deploy.desired import Desired
from deploy.doctor.facts import Facts
from deploy.doctor.finding import Check, Finding, Severity, Tools
from deploy.grants import Acl
from deploy.reach import OWN_PREFIXES, covers, is_over_all, touches

_SHOWN = 3
_UNMADE = ("quarantine.…", "panlock.…")  # names for what a policy will make, where there is none yet


class _Kind(IntEnum):
    QUARANTINE = 0
    CLEAN = 1
    OWN = 2


_WRITES = {
    _Kind.QUARANTINE: (Check.QUARANTINE_WRITER, "write in the name of its owner", ("7.2.1", "8.2.1")),
    _Kind.CLEAN: (Check.CLEAN_WRITER, "write what nobody has masked, held or audited", ("7.2.1",)),
    _Kind.OWN: (Check.OWN_WRITER, "write what only Panlock says", ("10.3.2",)),
}
_READS = {
    _Kind.QUARANTINE: (Check.QUARANTINE_READER, Severity.BLOCKER, "read card data", ("7.2.1", "3.5.1")),
    _Kind.CLEAN: (Check.CLEAN_READER, Severity.RISK, "read, and is no consumer of the policy", ("7.2.2",)),
    _Kind.OWN: (Check.OWN_READER, Severity.RISK, "read, and has no role for it", ("10.3.1",)),
}
_ADMINISTERS = {"ALTER", "ALTER_CONFIGS", "CREATE", "DELETE"}


def access(facts: Facts, desired: Desired | None, tools: Tools) -> Iterator[Finding]:
    """7.2: every ACL that reaches in and is not of the policy. Without one, those alone that reach any."""
    granted = desired.acls if desired else frozenset()
    for acl in sorted((facts.acls or frozenset()) - granted):
        if is_over_all(acl):
            what = f"{acl.principal} may {acl.operation} the whole cluster, and so grant itself the way to every topic"
            yield Finding(Check.CLUSTER_ADMIN, Severity.NOTE, f"ACL {acl}", what, ("7.2.2",), tools.remove(acl))
        elif desired is None and not _is_wide(acl):
            continue
        elif desired is None or touches(acl, desired):
            yield _finding(acl, _reached(acl, desired), tools)


def _is_wide(acl: Acl) -> bool:
    """Reaches Panlock's topics without naming them."""
    return acl.resource == "topic" and not acl.name.startswith(OWN_PREFIXES) and any(covers(acl, n) for n in _UNMADE)


def _reached(acl: Acl, desired: Desired | None) -> dict[_Kind, list[str]]:
    found: dict[_Kind, list[str]] = {}
    for name in [topic.name for topic in desired.topics] if desired else _UNMADE:
        if acl.resource == "topic" and covers(acl, name):
            found.setdefault(_kind(name), []).append(name)
    return dict(sorted(found.items()))


def _kind(topic: str) -> _Kind:
    if topic.startswith("quarantine."):
        return _Kind.QUARANTINE
    return _Kind.OWN if topic.startswith("panlock.") else _Kind.CLEAN


def _finding(acl: Acl, reached: dict[_Kind, list[str]], tools: Tools) -> Finding:
    """Named after the worst that it allows."""
    where, remedy = f"ACL {acl}", tools.remove(acl)
    if acl.permission == "DENY":
        what = "denies what the policy may grant: Panlock, a producer or a consumer is stopped by it"
        return Finding(Check.ACL, Severity.RISK, where, what, ("7.2.1",), remedy)
    who = f"{'anybody' if acl.principal == 'User:*' else acl.principal} may"
    for kind, topics in reached.items():
        check, severity, does, requirements = _READS[kind]
        if acl.operation in ("READ", "ALL") and kind is _Kind.QUARANTINE:
            return Finding(check, severity, where, f"{who} {does}: {_shown(topics)}", requirements, remedy)
        if acl.operation in ("WRITE", "ALL"):
            check, does, requirements = _WRITES[kind]
            return Finding(check, Severity.BLOCKER, where, f"{who} {does}: {_shown(topics)}", requirements, remedy)
        if acl.operation == "READ":
            return Finding(check, severity, where, f"{who} {does}: {_shown(topics)}", requirements, remedy)
    topics = [topic for each in reached.values() for topic in each]
    if acl.operation in _ADMINISTERS and topics:
        what = f"{who} {acl.operation} on {_shown(topics)}: change what it keeps, or make it anew"
        return Finding(Check.TOPIC_ADMIN, Severity.RISK, where, what, ("7.2.2", "10.3.2"), remedy)
    reach = _shown(topics) if topics else f"the {acl.resource} {acl.name}"
    return Finding(Check.ACL, Severity.RISK, where, f"{who} {acl.operation} on {reach}", ("7.2.2",), remedy)


def _shown(topics: list[str]) -> str:
    more = len(topics) - _SHOWN
    return ", ".join(topics[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
