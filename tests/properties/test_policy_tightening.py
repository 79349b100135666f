"""Any number of tightenings at once tells nothing; any of them taken back is told."""

from hypothesis import given, reject, settings
from hypothesis import strategies as st

from pipeline.policy import PolicyError
from pipeline.policy.weaker import weakenings
from tests.unit.test_policy_weaker import POLICY as BASE
from tests.unit.test_policy_weaker import STRICTER, of

NEUTRAL = {"nothing", "a reason", "a key is rotated"}


@settings(max_examples=60, deadline=None)
@given(st.sets(st.sampled_from(sorted(STRICTER))))
def test_tightenings_together_tell_nothing_and_taken_back_they_do(names: set[str]) -> None:
    text = BASE
    applied = set()
    for name in sorted(names):
        old, new = STRICTER[name]
        if old in text:
            text, applied = text.replace(old, new, 1), applied | {name}
    try:
        tight = of(text)
    except PolicyError:  # together they would leave too few people for a quorum
        reject()
    assert weakenings(of(BASE), tight) == []
    assert weakenings(tight, tight) == []
    if applied - NEUTRAL:
        assert weakenings(tight, of(BASE)) != []
