"""People who decide, as a test needs them: keys for the policy, and signed messages onto panlock.decisions."""

import json
import time
import uuid
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

from pipeline.approval.decision import Decision, Resume, sign_decision, sign_resume
from pipeline.approval.keys import public_jwk
from pipeline.approval.pending import Pending
from pipeline.policy.topics import DECISIONS, PENDING
from pipeline.record import RecordId
from tests.deployment import Deployment


class Person:
    """Someone with a signing key; `jwk` goes into the policy, `certificate` is the CN."""

    def __init__(self, certificate: str) -> None:
        self.certificate = certificate
        self.key = OKPKey.import_key(Ed25519PrivateKey.generate())
        self.jwk = json.dumps(public_jwk(self.key))

    def decide(
        self, deployment: Deployment, wanted: Callable[[Pending], bool] = lambda each: True, decision: str = "approve"
    ) -> list[str]:
        """Approve (or deny) every pending record that is wanted; returns their ids."""
        held = [each for each in pending(deployment) if wanted(each)]
        cluster = deployment.cluster_id()
        signed = [
            (_lane(deployment, each), each.record.encode(), sign_decision(self.key, _decision(cluster, each, decision)))
            for each in held
        ]
        if signed:
            deployment.produce(DECISIONS, signed, self.certificate)
        return [each.record for each in held]

    def resume(self, deployment: Deployment, lane: int, event: str) -> None:
        """Acknowledge the alarm `event` of a lane."""
        message = Resume(deployment.cluster_id(), lane, event, "seen, and told to the owner", _jti(), int(time.time()))
        deployment.produce(DECISIONS, [(lane, b"%d" % lane, sign_resume(self.key, message))], self.certificate)


def pending(deployment: Deployment) -> list[Pending]:
    """What waits for people now."""
    latest = {record.key: record.value for record in deployment.read(PENDING)}
    return [Pending.decode(value) for value in latest.values() if value is not None]


def _decision(cluster: str, each: Pending, decision: str) -> Decision:
    return Decision(
        *(cluster, each.topic_id, each.record, each.sha256, each.policy),
        *("deny" if decision == "deny" else "approve", "looked at", _jti(), int(time.time())),
    )


def _jti() -> str:
    return uuid.uuid4().hex


def _lane(deployment: Deployment, each: Pending) -> int:
    return RecordId.parse(each.record).partition % deployment.policy.lanes
