"""People who decide, as a test needs them: keys for the policy, and signed messages onto panlock.decisions."""

import json
import time
import uuid
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

from pipeline.approval.decision import Decision, Denial, Resume, sign_message
from pipeline.approval.envelope import Signatory
from pipeline.approval.glass import ALARM_PREFIX
from pipeline.approval.keys import public_jwk
from pipeline.approval.pending import Pending
from pipeline.policy.topics import DECISIONS, PENDING
from pipeline.record import RecordId
from pipeline.state import GRANT_PREFIX
from tests.deployment import Deployment


class Person:
    """Someone with a signing key; `jwk` goes into the policy, `certificate` is the CN."""

    def __init__(self, certificate: str) -> None:
        self.certificate = certificate
        self.key: OKPKey | Signatory = OKPKey.import_key(Ed25519PrivateKey.generate())
        self.jwk = json.dumps(public_jwk(self.key))

    def under(self, session: Signatory) -> "Person":
        """The same person, who signs under a session."""
        self.key = session
        return self

    def decide(
        self, deployment: Deployment, wanted: Callable[[Pending], bool] = lambda each: True, decision: str = "approve"
    ) -> list[str]:
        """Approve (or deny) every pending record that is wanted; returns their ids."""
        held = [each for each in pending(deployment) if wanted(each)]
        cluster = deployment.cluster_id()
        signed = [
            (
                _lane(deployment, each),
                each.record.encode(),
                sign_message(self.key, decision_on(cluster, each, decision)),
            )
            for each in held
        ]
        if signed:
            deployment.produce(DECISIONS, signed, self.certificate)
        return [each.record for each in held]

    def resume(self, deployment: Deployment, lane: int, event: str) -> None:
        """Acknowledge the alarm `event` of a lane."""
        message = Resume(deployment.cluster_id(), lane, event, "seen, and told to the owner", _jti(), int(time.time()))
        deployment.produce(DECISIONS, [(lane, b"%d" % lane, sign_message(self.key, message))], self.certificate)

    def deny(self, deployment: Deployment, kind: str, value: str, effect: str = "deny") -> None:
        """Tell every lane that an identity is refused, or (`allow`) no longer."""
        cluster, at = deployment.cluster_id(), int(time.time())
        messages = [
            (lane, Denial(cluster, lane, kind, value, effect, "a test", _jti(), at))
            for lane in range(deployment.policy.lanes)
        ]
        signed = [(lane, b"denial/%d" % lane, sign_message(self.key, each)) for lane, each in messages]
        deployment.produce(DECISIONS, signed, self.certificate)

    def pem(self) -> bytes:
        """The private key, as a person's file has it in a test."""
        return self.key.as_pem(private=True)


def pending(deployment: Deployment) -> list[Pending]:
    """What waits for people now."""
    latest = {record.key: record.value for record in deployment.read(PENDING)}
    held = {key: value for key, value in latest.items() if not key.startswith((GRANT_PREFIX, ALARM_PREFIX))}
    return [Pending.decode(value) for value in held.values() if value is not None]


def decision_on(cluster: str, each: Pending, decision: str = "approve") -> Decision:
    """What a person would sign about a record that is held."""
    return Decision(
        *(cluster, each.topic_id, each.record, each.sha256, each.policy),
        *("deny" if decision == "deny" else "approve", "looked at", _jti(), int(time.time())),
    )


def _jti() -> str:
    return uuid.uuid4().hex


def _lane(deployment: Deployment, each: Pending) -> int:
    return RecordId.parse(each.record).partition % deployment.policy.lanes
