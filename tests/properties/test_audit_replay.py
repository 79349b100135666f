"""The kernel's replay and Python's say the same of any log, whatever was done to it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.audit import canonical
from pipeline.audit.events import Chain, EventType, timestamp
from pipeline.audit.signature import Signer
from pipeline.audit.verify import Report, Signed, Verifier
from tests.audit_keys import STRANGER, WORKER
from tests.unit.test_audit_verify import Row

Log = list[tuple[bytes | None, bytes | None]]
KEYS = {WORKER.kid: WORKER.key.public_key()}
TEXTS = st.text(max_size=8)
VALUES = st.recursive(
    TEXTS | st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc\x01é", max_size=3), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def logs(draw: st.DrawFn) -> Log:
    chain, log = Chain(0, "ab" * 32), Log()
    for _ in range(draw(st.integers(1, 8))):
        fields = {"reason": draw(VALUES)} if draw(st.booleans()) else {}
        try:
            key, event = chain.event(EventType.LANE_OPENED, timestamp(0), **fields)
        except canonical.NotCanonicalError:
            continue
        signer: Signer | None = draw(st.sampled_from([None, None, WORKER, STRANGER]))
        log.append((key, event if signer is None else chain.sign_last(event, signer, "c/panlock.audit/0")))
    for _ in range(draw(st.integers(0, 2))):
        _damage(draw, log)
    return log


def _damage(draw: st.DrawFn, log: Log) -> None:
    if not log:
        return
    at = draw(st.integers(0, len(log) - 1))
    key, value = log[at]
    kind = draw(st.sampled_from(["drop", "repeat", "swap", "tombstone", "byte", "key"]))
    if kind == "drop":
        del log[at]
    elif kind == "repeat":
        log.insert(draw(st.integers(0, len(log))), (key, value))
    elif kind == "swap":
        log[at], log[-1] = log[-1], log[at]
    elif kind == "tombstone":
        log[at] = (key, None)
    elif kind == "key":
        log[at] = (draw(st.none() | st.binary(max_size=4)), value)
    elif value:
        place = draw(st.integers(0, len(value) - 1))
        log[at] = (key, value[:place] + draw(st.binary(max_size=2)) + value[place + 1 :])


def replayed(log: Log, in_bulk: bool, start: int) -> Report:
    verifier = Verifier(1, Signed("c", KEYS))
    verifier.first_offsets({0: start})
    rows = [Row(start + offset, key, value) for offset, (key, value) in enumerate(log)]
    if in_bulk:
        verifier.add_all(0, rows)
    else:
        for row in rows:
            verifier.add(0, *row)
    return verifier.report()


@settings(max_examples=400, deadline=None)
@given(logs(), st.sampled_from([0, 7]))
def test_both_say_the_same(log: Log, start: int) -> None:
    assert replayed(log, True, start) == replayed(log, False, start)
