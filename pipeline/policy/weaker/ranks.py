"""Comparisons of one value, and what they find."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pydantic import BaseModel

from pipeline.policy.problems import quote


class Weakening(NamedTuple):
    """`kind` is one of docs/policy.md's; `field` is written as `flows.payments.hold[large-refund].quorum`."""

    kind: str
    field: str
    what: str


def lower_rank(kind: str, field: str, old: str, new: str, order: Sequence[str]) -> Iterator[Weakening]:
    """`order`: the strictest first. What it does not know is weaker than all of it."""
    before, after = (order.index(each) if each in order else len(order) for each in (old, new))
    if after > before or (after == before and old != new):
        yield Weakening(kind, field, f"{quote(old)} becomes {quote(new)}")


def higher(kind: str, field: str, old: int, new: int, shown: str) -> Iterator[Weakening]:
    """`shown`: both values for people."""
    if new > old:
        yield Weakening(kind, field, shown)


def added(kind: str, field: str, old: Iterable[str], new: Iterable[str], what: str) -> Iterator[Weakening]:
    """`what` follows the name of each that is new."""
    for name in sorted(set(new) - set(old)):
        yield Weakening(kind, field, f"{quote(name)} {what}")


def changed(kind: str, field: str, old: object, new: object) -> Iterator[Weakening]:
    """Two values of which nobody can say which is stricter."""
    if old != new:
        yield Weakening(kind, field, f"{_told(old)} becomes {_told(new)}")


def unranked(place: str, old: BaseModel, new: BaseModel, ranked: set[str]) -> Iterator[Weakening]:
    """Keys that nobody has ranked yet, where they differ."""
    for name, field in type(new).model_fields.items():
        key = field.alias or name
        if name not in ranked and getattr(old, name) != getattr(new, name):
            yield from changed("unranked", f"{place}.{key}".lstrip("."), getattr(old, name), getattr(new, name))


def _told(value: object) -> str:
    if isinstance(value, BaseModel):
        return quote(value.model_dump_json(by_alias=True, exclude_defaults=True))
    return "nothing" if value is None else quote(value)
