"""A policy's flow as the kernel takes it, and what the kernel gives back."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import panlock_kernel

from pipeline.masking.strategies import strategy_of
from pipeline.record import Headers, Reason

# a verdict of -n means REASONS[n - 1]: the kernel's own numbering, then the others
REASONS = tuple(Reason(code) for code in panlock_kernel.REJECTIONS)
REASONS += tuple(reason for reason in Reason if reason not in REASONS)
OFF = "off"


class FieldRule(Protocol):
    @property
    def path(self) -> str: ...
    @property
    def class_(self) -> str: ...
    @property
    def strategy(self) -> str | None: ...
    @property
    def domain(self) -> str: ...
    @property
    def fallback(self) -> str | None: ...
    @property
    def joined(self) -> bool: ...


class Scan(Protocol):
    @property
    def pan(self) -> str: ...
    @property
    def sad(self) -> str: ...
    @property
    def iban(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def domain(self) -> str: ...


class TokenDomain(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def previous(self) -> str | None: ...
    @property
    def dual(self) -> bool: ...


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
    def scan(self) -> Scan: ...
    @property
    def allow(self) -> Sequence[str]: ...
    @property
    def closed(self) -> bool: ...
    @property
    def format(self) -> str: ...
    @property
    def hold(self) -> Sequence[HoldRule]: ...


class Masked(NamedTuple):
    """One record after masking and assessment. The kernel gives plain tuples of this shape: they cost less.

    `verdict` 0: passes. n > 0: the flow's hold rule n - 1 matched, the first that did; `detail` is "rule-error" where
    it could not be evaluated. n < 0: rejected with REASONS[-n - 1]; `detail` is the place: a path of the masked
    document, "byte N", "key", "header" or "value"; all that follows is None or empty.
    `key`, `value`: masked bytes, the given objects where nothing changed. `headers`: None where they pass unchanged;
    while a token domain is dual, with `panlock-previous-tokens` at their end.
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


class Policy(Protocol):
    """What of a policy concerns all its flows."""

    @property
    def token_domains(self) -> Mapping[str, TokenDomain]: ...
    @property
    def truncation(self) -> str: ...


def rejected(reason: Reason, place: str) -> Masked:
    return Masked(-1 - REASONS.index(reason), place, None, None, None, b"[]", None, b"")


class Masker(Protocol):
    """Masks and assesses a flow's records: panlock_kernel.Flow for JSON, pipeline.masking.projected for the others."""

    def enforce(
        self,
        principal: str,
        keys: list[bytes | None],
        values: list[bytes | None],
        headers: list[Sequence[tuple[str, bytes | None]]],
    ) -> Sequence[tuple[object, ...]]:
        """A Masked, or a plain tuple of its shape, for each record."""

    def assess(
        self, principal: str, key: bytes | None, value: bytes | None, headers: Headers, masking: bytes
    ) -> tuple[int, str | None]: ...

    def findings(self) -> Sequence[tuple[str, int]]:
        """By class, so far, of records that were not rejected; one that is enforced again counts again."""


def kernel_flow(
    name: str,
    flow: Flow,
    policy: Policy,
    keyring: panlock_kernel.Keyring,
    *,
    standing: Sequence[FieldRule] = (),
    panic_on: str | None = None,
) -> panlock_kernel.Flow:
    """Compile a flow's field rules, scan and hold rules; `standing`: rules of its format beside the policy's.

    `panic_on` is fault injection: a value that holds this text makes the kernel panic. Raises ValueError for rules
    that `panlock policy check` would have refused, and for a token domain whose key the keyring does not have.
    """
    config = {
        "flow": name,
        "format": "xml" if flow.format == "xml" else "json",
        "fields": [_field(rule) for rule in (*flow.fields, *standing)],
        "scan": _scan(flow.scan),
        "allow": list(flow.allow),
        "closed": flow.closed,
        "truncation": policy.truncation,
        "domains": {name: _domain(domain) for name, domain in policy.token_domains.items()},
        "rules": [{"id": rule.id, "when": rule.when} for rule in flow.hold],
        "panic_on": panic_on,
    }
    return panlock_kernel.Flow(json.dumps(config).encode(), keyring)


def _field(rule: FieldRule) -> dict[str, str | bool | None]:
    return {
        "path": rule.path,
        "class": rule.class_,
        "strategy": strategy_of(rule.class_, rule.strategy),
        "domain": rule.domain,
        "fallback": rule.fallback,
        "joined": rule.joined,
    }


def _domain(domain: TokenDomain) -> dict[str, str | bool | None]:
    return {"key": domain.key, "previous": domain.previous, "dual": domain.dual}


def _scan(scan: Scan) -> dict[str, str | None]:
    iban = None if scan.iban == OFF else scan.iban
    return {"pan": scan.pan, "sad": scan.sad, "iban": iban, "key": scan.key, "domain": scan.domain}
