"""Grants as people would sign them, for tests with and without a broker."""

import time
import uuid
from typing import Any

from pipeline.approval.grant import GrantProposal, GrantWord, Terms, rule_sha256
from pipeline.policy.models import Policy

MINUTE = 60_000


def proposal(policy: Policy, *, flow: str = "payments", rule: str = "large", **changes: Any) -> GrantProposal:
    """A good one, for the policy's rule; cluster and topic are those of tests.lane."""
    found = next(each for each in policy.flows[flow].hold if each.id == rule)
    good = {
        "cluster": "cluster", "topic_id": "uuid3", "flow": flow, "rule": rule,
        "rule_sha256": rule_sha256(flow, policy.flows[flow].format, found), "when": "record.amount < 9500.0",
        "records": 3, "until": 0, "reason": "night run", "jti": uuid.uuid4().hex, "iat": int(time.time()), **changes,
    }  # fmt: skip
    return GrantProposal(**good)


def word(terms: Terms, said: str = "approve", **changes: Any) -> GrantWord:
    good = {
        "cluster": terms.cluster, "topic_id": terms.topic_id, "grant": terms.id, "word": said, "reason": "agreed",
        "jti": uuid.uuid4().hex, "iat": int(time.time()), **changes,
    }  # fmt: skip
    return GrantWord(**good)
