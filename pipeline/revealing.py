"""Recordings that reveal: the value as it is masked, but with card numbers encrypted instead.

The kernel masks each value a second time, every rule for card numbers and the scan for them replaced by `encrypt`
(AES-256-GCM-SIV, kernel/src/encrypt.rs) under the lane's data key of the hour: no digit leaves it in the clear. What
is authentication data stays dropped or blackened, whatever else the policy says.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock

import orjson
import panlock_kernel

from pipeline.keys import Keyring
from pipeline.keys.recording import DataKey, DataKeys
from pipeline.masking.face import kernel_flow
from pipeline.policy.models import FieldRule, Flow, Policy, TokenDomain

DOMAIN = "panlock-recordings"
_BODY = rb"_[A-Za-z0-9_-]+"


@dataclass(frozen=True, slots=True)
class Revealed:
    """Of a chunk: offset → the value to record, where it holds an encrypted card number; `header`: `panlock-reveal`."""

    values: Mapping[int, bytes]
    header: bytes


@dataclass(frozen=True, slots=True)
class Secrets:
    """What reveals: data keys, and a worker's token keys, for what is masked as ever."""

    keys: DataKeys
    tokens: Mapping[str, bytes] = field(repr=False)
    active: str


class Revealer:
    """Of one flow. Used by several threads."""

    def __init__(self, name: str, flow: Flow, policy: Policy, secrets: Secrets) -> None:
        self._name, self._flow, self._policy, self._secrets = name, flow, policy, secrets
        self._lock = Lock()
        self._made: dict[int, tuple[str, panlock_kernel.Flow]] = {}  # by lane: of one hour, the former is dropped

    def reveal(
        self, partition: int, principal: str, offsets: Sequence[int], values: Sequence[bytes | None]
    ) -> Revealed:
        """What the kernel stumbles over stays masked alone. Raises KeysError."""
        lane = partition % self._policy.lanes
        key = self._secrets.keys.current(self._name, lane)
        count = len(values)
        try:
            masked = self._kernel(lane, key).enforce(principal, [None] * count, list(values), [()] * count)
        except Exception:  # noqa: BLE001  # a defect or a kernel panic: content never raises
            return Revealed({}, key.header)
        sign = f"enc_{key.id}_".encode()
        found = {
            offset: result[3]
            for offset, result in zip(offsets, masked, strict=True)
            if result[0] >= 0 and result[3] is not None and sign in result[3]
        }
        return Revealed(found, key.header)

    def _kernel(self, lane: int, key: DataKey) -> panlock_kernel.Flow:
        with self._lock:
            id_, made = self._made.get(lane, ("", None))
            if made is None or id_ != key.id:
                tokens = {**self._secrets.tokens, key.id: key.key}
                keyring = Keyring(tokens, self._secrets.active)
                made = revealing_flow(self._name, self._flow, self._policy, keyring, key.id)
                self._made[lane] = key.id, made
            return made


def revealing_flow(name: str, flow: Flow, policy: Policy, keyring: Keyring, id_: str) -> panlock_kernel.Flow:
    """The flow with card numbers encrypted under key `id_`, and without hold rules."""
    scan = flow.scan.model_copy(
        update={"pan": "encrypt", "domain": DOMAIN, "iban": "off" if flow.scan.iban == "off" else "redact"}
    )
    changes = {"fields": tuple(map(_encrypting, flow.fields)), "scan": scan, "hold": ()}
    domains = {**policy.token_domains, DOMAIN: TokenDomain(key=id_)}
    named = policy.model_copy(update={"token_domains": domains})
    return kernel_flow(name, flow.model_copy(update=changes), named, keyring)


def _encrypting(rule: FieldRule) -> FieldRule:
    if rule.class_ != "pan":
        return rule
    return rule.model_copy(update={"strategy": "encrypt", "domain": DOMAIN, "fallback": None})


def opening(name: str, flow: Flow, policy: Policy, id_: str, key: bytes) -> Callable[[bytes], bytes]:
    """Gives a value, JSON, with what key `id_` has encrypted as it was written; what it has not stays as it is."""
    domains = {each: TokenDomain(key=id_) for each in policy.token_domains}  # none of them is used
    named = policy.model_copy(update={"token_domains": domains})
    kernel = revealing_flow(name, flow, named, Keyring({id_: key}, id_), id_)

    def open_(match: re.Match[bytes]) -> bytes:
        found = kernel.reveal(match[0])
        return match[0] if found is None else orjson.dumps(found[1].decode(errors="replace"))[1:-1]

    return partial(re.compile(b"enc_" + id_.encode() + _BODY).sub, open_)
