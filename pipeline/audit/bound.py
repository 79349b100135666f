"""An event's size is bounded, whatever a record holds: a log that a record can overflow is a log one can escape."""

from collections import Counter

from pipeline.audit import canonical

MAX_BYTES = 65_535
UNSIGNED_BYTES = MAX_BYTES - 192  # leaves room for the signature that the last event of a transaction gets


def bounded(head: dict[str, object], fields: dict[str, object]) -> bytes:
    """The canonical event of `head` (always kept) and `fields`, within UNSIGNED_BYTES.

    Where it would be longer, masking evidence is folded into counts by class from its end; then the longest fields go,
    named in `cut`. Raises NotCanonicalError.
    """
    event = canonical.encode({**fields, **head})
    if len(event) > UNSIGNED_BYTES:
        fields = _folded(fields, len(event) - UNSIGNED_BYTES)
        event = canonical.encode({**fields, **head})
    cut: list[str] = []
    while len(event) > UNSIGNED_BYTES:
        longest = max(fields, key=lambda name: len(canonical.encode(fields[name])))
        fields = {name: value for name, value in fields.items() if name != longest}
        cut.append(longest)
        event = canonical.encode({**fields, **head, "cut": sorted(cut)})
    return event


def _folded(fields: dict[str, object], excess: int) -> dict[str, object]:
    """Drop findings from the end until `excess` bytes are gone, and count them by class in `masking_more`."""
    findings, more = fields.get("masking"), fields.get("masking_more")
    if not isinstance(findings, list):
        return fields
    counts = Counter(more if isinstance(more, dict) else {})
    kept = list(findings)
    excess += 192  # room for `masking_more` itself: the classes and their counts
    while kept and excess > 0:
        finding = kept.pop()
        counts[finding["class"]] += 1
        excess -= len(canonical.encode(finding)) + 1
    folded = {**fields, "masking_more": dict(counts)}
    if kept:
        return {**folded, "masking": kept}
    return {name: value for name, value in folded.items() if name != "masking"}
