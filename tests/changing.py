"""A policy that people change, and their words on it, as tests need them."""

import uuid
from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

from pipeline.approval.change import NO_PREVIOUS, Act, Change, encode, sign_change
from pipeline.approval.history import History, Record
from pipeline.approval.keys import public_jwk
from pipeline.policy.bundle import Bundle, bundle_of

CLUSTER = "cluster-1"
NAMES = ("ana", "ben", "cy", "dee", "eve", "flo", "gus")
KEYS = {
    name: OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))
    for number, name in enumerate(NAMES, 1)
}


def person(name: str, roles: str) -> str:
    return f"  {name}@pay.example: {{certificate: {name}, roles: [{roles}], keys: [{public_jwk(KEYS[name])}]}}\n"


# eve may decide about records, and not about policies
POLICY = (
    """\
version: 1
lanes: 2
principals:
  checkout: {spiffe: spiffe://pay.example/checkout}
people:
"""
    + "".join(person(name, "policy-approvers") for name in ("ana", "ben", "cy", "dee"))
    + person("eve", "payments-approvers")
    + """\
policy_approvers: {roles: [policy-approvers], quorum: 2}
flows:
  payments:
    producers: [checkout]
    partitions: 2
    fields:
      - {path: $.card.number, class: pan, strategy: token}
    hold:
      - {id: large, when: has(record.amount) && record.amount > 5.0, reason: a test, approvers: [payments-approvers]}
"""
)


def bundle(version: int = 1, *changes: tuple[str, str], files: Mapping[str, bytes] | None = None) -> Bundle:
    """The policy of that version, with each text replaced; `files` are its authorities."""
    text = POLICY.replace("version: 1", f"version: {version}", 1)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    if files:
        text = text.replace("policy_approvers:", f"authorities: [{', '.join(files)}]\npolicy_approvers:", 1)
    return bundle_of(text.encode(), files or {}, "policy.yaml")


def word(act: Act, name: str, what: Bundle, over: Bundle | None, key: OKPKey | None = None, **other: object) -> Change:
    fields = {
        "act": act,
        "cluster": CLUSTER,
        "bundle": what.hash,
        "version": what.policy.version,
        "previous": NO_PREVIOUS if over is None else over.hash,
        "reason": "a test",
        "jti": uuid.uuid5(uuid.NAMESPACE_OID, f"{act}{name}{what.hash}").hex + "j",
        "iat": 1_795_500_000,
        **other,
    }
    return Change(**fields)  # type: ignore[arg-type]


def value(
    act: Act, name: str, what: Bundle, over: Bundle | None, sends: Bundle | None = None, **other: object
) -> bytes:
    """A record's value; `sends` instead of the bundle that was signed."""
    raw = sign_change(KEYS[name], word(act, name, what, over, **other))
    return encode(raw, (sends or what) if act == "propose" else None)


def history(values: Sequence[bytes | None], genesis: str | None) -> History:
    start = 1_795_500_000_000
    records = [Record(f"panlock.policy/0/{offset}", start + offset, each) for offset, each in enumerate(values)]
    return History(CLUSTER, genesis).add_all(records)
