"""What Kafka's authorizer writes to its log, `kafka.authorizer.logger`: denials at INFO, the rest at DEBUG.

    Principal = User:p is Allowed operation = READ from host = h on resource = Topic:LITERAL:t for request = Fetch with
    resourceRefCount = 1 based on rule …

A client that may ask for a topic of any name can write a line break and what looks like another line: what is read from
a log is no better than that.
"""

import re
from collections import Counter
from collections.abc import Iterable

from pipeline.audit.access.report import Access, Beyond

BOUND = 4_000  # different accesses of a window, allowed and denied ones each, as the authorizer has it
_LONGEST = 255
_LINE = re.compile(
    r"Principal = (.+?) is (Allowed|Denied) operation = ([A-Z_]+) from host = (\S+) on resource = "
    r"([A-Za-z]+):[A-Z]+:(.*) for request = ([A-Za-z]+) with resourceRefCount"
)
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
_READS, _WRITES = {"FETCH", "SHARE_FETCH"}, {"PRODUCE"}
_ADMINISTRATION = {"CREATE", "DELETE", "ALTER", "ALTER_CONFIGS"}

Key = tuple[str, str, str, str, str, str, bool]


def counted(lines: Iterable[str]) -> tuple[list[Access], Beyond]:
    """What the authorizer would have counted of them; other lines are passed over."""
    counts: dict[bool, Counter[Key]] = {True: Counter(), False: Counter()}
    beyond = {True: 0, False: 0}
    for line in lines:
        key = _key(line)
        if key is None:
            continue
        mine = counts[key[-1]]
        if key in mine or len(mine) < BOUND:
            mine[key] += 1
        else:
            beyond[key[-1]] += 1
    found = [Access(*key, times) for mine in counts.values() for key, times in sorted(mine.items())]
    return found, Beyond(allowed=beyond[True], denied=beyond[False])


def _key(line: str) -> Key | None:
    match = _LINE.search(line)
    if match is None:
        return None
    principal, verdict, operation, host, kind, name, request = match.groups()
    allowed, kind, request = verdict == "Allowed", _upper(kind), _upper(request)
    if allowed and not _counts(kind, operation, request):
        return None
    return _cut(principal), _cut(host), _cut(kind), _cut(name), operation[:_LONGEST], _cut(request), allowed


def _counts(kind: str, operation: str, request: str) -> bool:
    if operation in _ADMINISTRATION:
        return kind in ("TOPIC", "CLUSTER")
    if operation == "CLUSTER_ACTION":
        return request == "FETCH"
    return kind == "TOPIC" and request in {"READ": _READS, "WRITE": _WRITES}.get(operation, ())


def _upper(name: str) -> str:
    """`ShareFetch` as Kafka's own names have it: SHARE_FETCH."""
    return _WORD.sub("_", name).upper()


def _cut(name: str) -> str:
    return name if len(name) <= _LONGEST else name[:_LONGEST] + "…"
