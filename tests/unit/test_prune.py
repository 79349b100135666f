"""Which of the topics that a policy has left behind may go."""

import pytest

from deploy.desired import desired
from deploy.grants import Acl
from deploy.observed import Observed
from deploy.plan import plan
from deploy.prune import Held, verdicts
from pipeline.policy import parse_policy
from tests.policy_text import POLICY

QUARANTINE = "quarantine.old.checkout"
EMPTY = Held(0, 0, 0)


def why(topic: str, held: Held | None, pending: dict[str, int] | None = None) -> str | None:
    (found,) = verdicts({topic: held}, {} if pending is None else pending)
    assert found.topic == topic
    return found.kept


@pytest.mark.parametrize("held", [EMPTY, Held(12, 0, 0)], ids=["empty", "read, and not purged yet"])
def test_a_quarantine_topic_that_was_read_to_its_end_may_go(held: Held) -> None:
    assert why(QUARANTINE, held) is None


@pytest.mark.parametrize("topic", ["panlock.rejections.old", "panlock.recordings.old"])
def test_rejections_and_recordings_go_once_their_retention_has_emptied_them(topic: str) -> None:
    assert why(topic, EMPTY) is None
    assert "holds 1 record(s)" in str(why(topic, Held(1, 0, 0)))


@pytest.mark.parametrize(
    "topic", ["panlock.state", "panlock.audit", "panlock.checkpoints", "panlock.policy", "panlock.access", "panlock.x"]
)
def test_memory_and_evidence_never_go(topic: str) -> None:
    assert "never removed" in str(why(topic, EMPTY))


@pytest.mark.parametrize(
    ("held", "pending", "told"),
    [
        (Held(3, 2, 0), {}, "holds 2 record(s) that no worker has read"),
        (Held(3, 0, 1), {}, "is read by 1 worker(s)"),
        (EMPTY, {QUARANTINE: 2}, "has 2 record(s) that wait for people"),
    ],
)
def test_what_is_still_waited_for_stays(held: Held, pending: dict[str, int], told: str) -> None:
    assert told in str(why(QUARANTINE, held, pending))


def test_what_cannot_be_seen_stays() -> None:
    assert "may not be looked into" in str(why(QUARANTINE, None))
    (unseen,) = verdicts({QUARANTINE: EMPTY}, None)
    assert "may not see" in str(unseen.kept)
    (other,) = verdicts({"panlock.rejections.old": EMPTY}, None)
    assert other.kept is None


def test_what_a_worker_may_do_to_a_topic_that_is_not_the_policys_is_revoked_and_a_consumers_right_stays() -> None:
    wanted = desired(parse_policy(POLICY, "p"), 3)
    old = Acl("topic", "payouts", "LITERAL", "User:panlock-worker", "WRITE")
    reader = Acl("topic", "payouts", "LITERAL", "User:ledger", "READ")
    found = plan(wanted, Observed(3, {}, wanted.acls | {old, reader}))
    assert found.revoke == (old,)
