"""What a flow shows, keeps or lets through more than before."""

from collections.abc import Iterator

from pipeline.masking.strategies import DEFAULTS
from pipeline.policy.kinds import duration
from pipeline.policy.models import FieldRule, Flow, Policy, Recording, Scan
from pipeline.policy.weaker.holds import weaker_holds
from pipeline.policy.weaker.ranks import Weakening, added, changed, higher, lower_rank, unranked

# How much of a value is left, the least first: nothing; that it was there; whether it is the same; what a key gives
# back; that, with its BIN and whether it is the same in sight; ten digits for everybody; all of it.
STRATEGIES = ("drop", "redact", "token", "encrypt", "fpe", "partial", "off", "clear")
_ORDERS = {
    "quarantine": ("sealed", "clear"),
    "ordering": ("key", "none"),
    "schema_": ("closed", "open"),
    "repartition": ("masked", "off"),
}
_READING = ("format", "csv", "spec")
_LONGER = {"retention_ms": "retention", "clean_retention_ms": "clean.retention", "window_ms": "window"}
_RANKED = {*_ORDERS, *_READING, *_LONGER}
_RANKED |= {"producers", "consumers", "clean", "fields", "scan", "allow", "hold", "recording"}
_RECORDINGS = ("off", "masked", "reveal")
_NEUTRAL = {"partitions", "max_message_bytes"}


def weaker_flow(place: str, name: str, old: Policy, new: Policy) -> Iterator[Weakening]:
    before, after = old.flows[name], new.flows[name]
    yield from added("producer-added", f"{place}.producers", before.producers, after.producers, "may write it")
    yield from added("consumer-added", f"{place}.consumers", before.consumers, after.consumers, "may read it")
    yield from changed("clean-topic-changed", f"{place}.clean.topic", before.clean_topic, after.clean_topic)
    for key in _READING:
        yield from changed("reading-changed", f"{place}.{key}", getattr(before, key), getattr(after, key))
    for key, order in _ORDERS.items():
        field = key.rstrip("_")
        yield from lower_rank(f"{field}-weaker", f"{place}.{field}", getattr(before, key), getattr(after, key), order)
    for key, field in _LONGER.items():
        was, becomes = getattr(before, key, 0), getattr(after, key, 0)
        shown = f"{duration(was)} becomes {duration(becomes)}" if becomes > was else ""
        yield from higher("life-longer", f"{place}.{field}", was, becomes, shown)
    yield from _recording(f"{place}.recording", before.recording, after.recording)
    yield from _fields(place, before, after)
    yield from _scan(f"{place}.scan", before.scan, after.scan)
    yield from added("allow-wider", f"{place}.allow", before.allow, after.allow, "is not scanned")
    yield from weaker_holds(f"{place}.hold", name, old, new)
    yield from unranked(place, before, after, _RANKED | _NEUTRAL)


def _recording(place: str, old: Recording, new: Recording) -> Iterator[Weakening]:
    yield from lower_rank("recording-weaker", f"{place}.mode", old.mode, new.mode, _RECORDINGS)
    if new.mode == "off":
        return
    shown = f"{duration(old.kept_ms)} becomes {duration(new.kept_ms)}"
    yield from higher("life-longer", f"{place}.retention", old.kept_ms, new.kept_ms, shown)
    yield from _replaying(place, old, new)
    yield from unranked(place, old, new, {"mode", "retention_ms", "reason", "approvers", "quorum"})


def _replaying(place: str, old: Recording, new: Recording) -> Iterator[Weakening]:
    """Who must agree before somebody replays."""
    kind = "recording-weaker"
    if old.approvers and not new.approvers:
        yield Weakening(kind, f"{place}.approvers", "a replay takes nobody's word any more")
    elif old.approvers:
        yield from added(kind, f"{place}.approvers", old.approvers, new.approvers, "may let others replay")
        yield from higher(kind, f"{place}.quorum", -old.quorum, -new.quorum, f"{old.quorum} becomes {new.quorum}")


def _fields(place: str, old: Flow, new: Flow) -> Iterator[Weakening]:
    before, after = ({rule.path: rule for rule in flow.fields} for flow in (old, new))
    for path, rule in before.items():
        if path not in after and rule.class_ != "clear":
            what = f"class {rule.class_} is masked there no more"
            yield Weakening("field-rule-removed", f"{place}.fields[{path}]", what)
    for path, rule in after.items():
        if path in before:
            yield from _field(f"{place}.fields[{path}]", before[path], rule)
        else:
            yield from _new_field(f"{place}.fields[{path}]", rule, old)


def _field(place: str, old: FieldRule, new: FieldRule) -> Iterator[Weakening]:
    if new.class_ != "sad":  # the strictest there is
        yield from changed("class-changed", f"{place}.class", old.class_, new.class_)
    yield from lower_rank("strategy-weaker", f"{place}.strategy", _strategy(old), _strategy(new), STRATEGIES)
    if _strategy(new) == "fpe" == _strategy(old):
        before, after = old.fallback or "redact", new.fallback or "redact"
        yield from lower_rank("strategy-weaker", f"{place}.fallback", before, after, STRATEGIES)
    if _strategy(new) in ("token", "fpe", "encrypt"):
        yield from changed("domain-changed", f"{place}.domain", old.domain, new.domain)
    if old.joined and not new.joined:
        yield Weakening("field-rule-removed", f"{place}.joined", "a value in parts is not masked as one any more")
    yield from unranked(place, old, new, {"path", "class_", "strategy", "fallback", "domain", "joined"})


def _new_field(place: str, rule: FieldRule, old: Flow) -> Iterator[Weakening]:
    """A rule comes before the scan, and before a closed schema."""
    if old.closed:
        yield Weakening("allow-wider", place, "a field that the closed schema rejected passes")
    if rule.class_ == "pan" or rule.strategy == "partial":
        yield from lower_rank("strategy-weaker", f"{place}.strategy", old.scan.pan, _strategy(rule), STRATEGIES)


def _strategy(rule: FieldRule) -> str:
    return rule.strategy or DEFAULTS.get(rule.class_, "clear")


def _scan(place: str, old: Scan, new: Scan) -> Iterator[Weakening]:
    for key in ("pan", "sad", "iban", "key"):
        yield from lower_rank("scan-weaker", f"{place}.{key}", getattr(old, key), getattr(new, key), STRATEGIES)
    yield from changed("domain-changed", f"{place}.domain", old.domain, new.domain)
    yield from unranked(place, old, new, {"pan", "sad", "iban", "key", "domain"})
