"""The people of the decision vectors: fixed keys, so that their signatures can be pinned, and their policy."""

from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pipeline.approval.decision import Decision
from pipeline.approval.keys import SigningKey, private_key
from pipeline.approval.pending import Pending
from pipeline.policy import Policy, parse_policy
from pipeline.record import record_sha256

HERE = Path(__file__).parent
RECORD = "quarantine.payments.refunds/3/17"
TOPIC_ID = "Qm9PZXhhbXBsZVRvcGljSQ"
CLUSTER = "Y2x1c3RlcmV4YW1wbGUwMQ"


def _pem(key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def ed25519_key(seed: int) -> SigningKey:
    return private_key(_pem(ed25519.Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)), None)


def p256_key(seed: int) -> SigningKey:
    return private_key(_pem(ec.derive_private_key(seed, ec.SECP256R1())), None)


ANA, BEN, EVE = ed25519_key(1), p256_key(2), ed25519_key(3)  # EVE is in no policy


def policy() -> Policy:
    return parse_policy((HERE / "policy.yaml").read_text(), "policy.yaml")


def pending(**changes: object) -> Pending:
    """A refund that waits for two people."""
    key, value = b"order-1", b'{"type":"refund","amount":7500.5,"pan":"411111******1111"}'
    headers = (("trace", b"\x00\xff"), ("trace", None))
    held = Pending(
        record=RECORD,
        topic_id=TOPIC_ID,
        flow="payments",
        principal="refunds",
        rule="large-refund",
        reason="refunds over 5,000 need two people",
        quorum=2,
        approvers=("payments-approvers",),
        expires=1_795_507_200_000,
        sha256=record_sha256(key, value, headers),
        timestamp=1_795_492_800_000,
        ordered=True,
        key=key,
        value=value,
        headers=headers,
        masking=b'[{"by":"scan","class":"pan","path":"$.pan","strategy":"partial"}]',
        more=None,
        policy="ab" * 32,
        votes=(),
    )
    return replace(held, **changes)


def decision(held: Pending | None = None, **changes: object) -> Decision:
    """An approval of that refund, as it is before its signer is known."""
    held = held or pending()
    made = Decision(
        cluster=CLUSTER,
        topic_id=held.topic_id,
        record=held.record,
        sha256=held.sha256,
        policy=held.policy,
        decision="approve",
        reason="checked with the customer",
        jti="5f0c9f0e",
        iat=1_795_493_000,
    )
    return replace(made, **changes)
