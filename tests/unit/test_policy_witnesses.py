"""Witnesses and time stamp authorities in a policy: what is refused, and what makes it weaker."""

import json
from base64 import b64decode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipeline.audit.cosignature import Witness
from pipeline.audit.signature import public_jwk
from pipeline.policy.bundle import bundle_of
from pipeline.policy.problems import PolicyError
from pipeline.policy.weaker import weakenings

VECTORS = Path(__file__).parents[1] / "vectors/audit/cosignature.json"
ONE, TWO = (each["vkey"] for each in json.loads(VECTORS.read_text())["cosigned"])
KEY = Ed25519PublicKey.from_public_bytes(b64decode(ONE.rpartition("+")[2])[1:])
OWN = json.dumps(public_jwk(KEY))
POLICY = """\
version: 1
principals: {checkout: {spiffe: spiffe://pay.example/checkout}}
audit: {%s}
flows: {payments: {producers: [checkout]}}
"""


def kinds(old: str, new: str) -> list[str]:
    files = {"tsa.pem": b"one"}
    before, after = (
        bundle_of((POLICY % audit).encode(), files if "tsa.pem" in audit else {}, "policy.yaml") for audit in (old, new)
    )
    return [each.kind for each in weakenings(before, after)]


@pytest.mark.parametrize(
    ("audit", "field", "what"),
    [
        ("witnesses: [x]", "audit.witnesses[0]", "not a witness's public key"),
        (f"witnesses: ['{ONE}', '{ONE}']", "audit.witnesses[1]", "stands twice"),
        (f"sealer_keys: [{OWN}], witnesses: ['{ONE}']", "audit.witnesses[0]", "a key of the audit's own"),
        (f"witnesses: ['{ONE}'], witness_quorum: 2", "audit.witness_quorum", "asks for 2 of 1 witnesses"),
        ("witness_quorum: 2", "audit.witness_quorum", "asks for 2 of 0 witnesses"),
        ("timestamp_authorities: [../tsa.pem]", "audit.timestamp_authorities[0]", "no file beside the policy"),
    ],
)
def test_what_proves_nothing_is_refused(audit: str, field: str, what: str) -> None:
    with pytest.raises(PolicyError) as refused:
        bundle_of((POLICY % audit).encode(), {}, "policy.yaml")
    assert field in str(refused.value)
    assert what in str(refused.value)


def test_fewer_or_other_witnesses_and_authorities_are_weaker() -> None:
    both = f"witnesses: ['{ONE}', '{TWO}'], witness_quorum: 2"
    assert kinds(both, f"witnesses: ['{ONE}', '{TWO}']") == ["witness-weaker"]
    assert kinds(f"witnesses: ['{ONE}']", f"witnesses: ['{TWO}']") == ["witness-weaker", "witness-weaker"]
    assert kinds(f"witnesses: ['{ONE}']", both) == ["witness-weaker"]
    assert kinds("", both) == []
    assert kinds(both, both) == []
    assert kinds("", "timestamp_authorities: [tsa.pem]") == ["authority-added"]
    assert kinds("timestamp_authorities: [tsa.pem]", "") == ["authorities-removed"]


def test_a_policy_has_the_authorities_that_its_bundle_brought() -> None:
    text = (POLICY % "timestamp_authorities: [tsa.pem]").encode()
    assert bundle_of(text, {"tsa.pem": b"pem"}, "policy.yaml").policy.timestamp_pems == [b"pem"]
    assert Witness.parse(ONE).name == "witness.example/w1"
