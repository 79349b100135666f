"""The policy that benchmarks enforce: flows of the same rules, each field's path and each hold's own."""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.bed import PARTITIONS
from bench.payments import Access, preload
from pipeline.audit.signature import Signer, public_jwk

Signers = tuple[Signer, Signer]  # a worker's, the sealer's

_WHEN = 'has(record.type) && record.type == "refund" && has(record.amount) && record.amount > {}.0'


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow with `producers` principals; `identity`, `quarantine`, `recording`, `max_message_bytes` as the policy has
    them. `fields` and `holds`: how many rules, one of them for the card number, none that holds a payment."""

    name: str
    principal: str
    identity: str = "broker"
    quarantine: str = "clear"
    recording: str = "off"
    write: Callable[[Access, str, int, int], Coroutine[None, None, None]] = preload
    partitions: int = PARTITIONS
    producers: int = 1
    fields: int = 1
    holds: int = 1
    max_message_bytes: int = 1_048_588

    @property
    def principals(self) -> list[str]:
        return [self.principal, *(f"{self.principal}-{number}" for number in range(1, self.producers))]

    @property
    def source(self) -> str:
        return self.source_of(self.principal)

    def source_of(self, principal: str) -> str:
        return f"quarantine.{self.name}.{principal}"

    @property
    def clean(self) -> str:
        return f"clean.{self.name}"

    def policy(self) -> dict[str, object]:
        """One field rule or more, the scan of all else, hold rules that read every record, audit as always."""
        paths = ["$.card.number", *(f"$.card.other{number}" for number in range(1, self.fields))]
        return {
            "producers": self.principals,
            "partitions": self.partitions,
            "quarantine": self.quarantine,
            "recording": self.recording,
            "max_message_bytes": self.max_message_bytes,
            "format": "json",
            "fields": [{"path": path, "class": "pan", "strategy": "token"} for path in paths],
            "scan": {"pan": "partial"},
            "hold": [
                {
                    "id": f"large-refund-{number}",
                    "when": _WHEN.format(5000 + number),
                    "reason": "refunds over 5,000 need a second look",
                    "approvers": ["approvers"],
                    "expires": "4h",
                }
                for number in range(self.holds)
            ],
        }


PLAIN = Flow("payments", "checkout")


def policy(flows: Sequence[Flow], lanes: int, audit: Signers | None) -> dict[str, object]:
    principals = {
        principal: {"spiffe": f"spiffe://dev.panlock/{principal}", "identity": flow.identity}
        for flow in flows
        for principal in flow.principals
    }
    return {
        "version": 1,
        **({} if audit is None else {"audit": _audit(audit)}),
        "application": "panlock-bench",
        "lanes": lanes,
        "principals": principals,
        "people": {"ana": {"certificate": "ana", "roles": ["approvers"], "keys": [_public_key()]}},
        "flows": {flow.name: flow.policy() for flow in flows},
    }


def _public_key() -> dict[str, str]:
    """Of an approver who is never asked."""
    raw = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    return {"kty": "OKP", "crv": "Ed25519", "x": urlsafe_b64encode(raw).rstrip(b"=").decode()}


def _audit(signers: Signers) -> dict[str, object]:
    worker, sealer = ([public_jwk(each.key.public_key())] for each in signers)
    return {"worker_keys": worker, "sealer_keys": sealer}
