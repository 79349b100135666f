"""A lane's audit as its worker writes it under load: released records, one signature for some hundred of them."""

from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipeline.audit.events import Chain, timestamp
from pipeline.audit.origin import origin
from pipeline.audit.signature import Signer
from pipeline.policy.topics import AUDIT

TRANSACTION = 500  # events that a signature answers for
MASKING = b'[{"by":"field","class":"pan","key":"k1","path":"$.card.number","strategy":"token"}]'
WORKER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(32)))


class Row(NamedTuple):
    """A record as a fetch has it."""

    offset: int
    key: bytes
    value: bytes


def lane(number: int, count: int, cluster: str) -> list[Row]:
    """A lane's events of released records, as its worker signs them."""
    chain, rows, now = Chain(number, "ab" * 32), list[Row](), timestamp(1_795_493_280_123)
    log = origin(cluster, AUDIT, number)
    for at in range(count):
        record = f"quarantine.payments.checkout/{number}/{at}"
        key, event = chain.released(record, "checkout", b"ef" * 32, MASKING, None, now)
        if at % TRANSACTION == TRANSACTION - 1 or at == count - 1:
            event = chain.sign_last(event, WORKER, log)
        rows.append(Row(at, key, event))
    return rows
