"""A policy's flow as the kernel takes it, and what the kernel gives back."""

import json
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import panlock_kernel

from pipeline.masking.strategies import strategy_of
from pipeline.record import Headers


class FieldRule(Protocol):
    @property
    def path(self) -> str: ...
    @property
    def class_(self) -> str: ...
    @property
    def strategy(self) -> str | None: ...


class HoldRule(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def when(self) -> str: ...


class Flow(Protocol):
    """What of a policy's flow concerns the kernel."""

    @property
    def fields(self) -> Sequence[FieldRule]: ...
    @property
    def scan_strategy(self) -> str: ...
    @property
    def hold(self) -> Sequence[HoldRule]: ...


class Masked(NamedTuple):
    """One record after masking and assessment. The kernel gives plain tuples of this shape: they cost less.

    `verdict` 0: passes. n > 0: the flow's hold rule n - 1 matched, the first that did; `detail` is "rule-error" where
    it could not be evaluated. n < 0: rejected with panlock_kernel.REJECTIONS[-n - 1]; `detail` is the place: a path of
    the masked document, "byte N", "key" or "header"; all that follows is None or empty.
    `key`, `value`: masked bytes, the given objects where nothing changed. `headers`: None where they pass unchanged.
    `masking`: canonical JSON array of the first 100 findings; `more`: counts by class of the others.
    `sha256`: pipeline.record.record_sha256 of the masked record, in ASCII.
    """

    verdict: int
    detail: str | None
    key: bytes | None
    value: bytes | None
    headers: Headers | None
    masking: bytes
    more: bytes | None
    sha256: bytes


def kernel_flow(flow: Flow, keyring: panlock_kernel.Keyring, *, panic_on: str | None = None) -> panlock_kernel.Flow:
    """Compile a flow's field rules, scan and hold rules.

    `panic_on` is fault injection: a value that holds this text makes the kernel panic. Raises ValueError for rules
    that `panlock policy check` would have refused.
    """
    config = {
        "fields": [
            {"path": rule.path, "class": rule.class_, "strategy": strategy_of(rule.class_, rule.strategy)}
            for rule in flow.fields
        ],
        "scan": flow.scan_strategy,
        "rules": [{"id": rule.id, "when": rule.when} for rule in flow.hold],
        "panic_on": panic_on,
    }
    return panlock_kernel.Flow(json.dumps(config).encode(), keyring)
