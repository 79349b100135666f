"""The demo's reckoning: anything lost, doubled, misordered or ended otherwise is told."""

import pytest

from deploy.demo.reckoning import Batch, Clean, check_order, check_whole, ended, rows
from deploy.demo.told import NotAsToldError

TOPIC = "quarantine.payments.checkout"
ENDS = {TOPIC: {0: 2, 1: 1}}
OUTCOMES = {f"{TOPIC}/0/0": "released", f"{TOPIC}/0/1": "malformed-json", f"{TOPIC}/1/0": "released"}


def _clean(name: str, record: str, waited: bool = False, principal: str = "checkout") -> Clean:
    return Clean(name, f"{TOPIC}/{record}", principal, waited)


CLEAN = [_clean("a", "0/0"), _clean("b", "1/0")]


def _event(kind: str, record: str, reason: str | None = None) -> dict[str, object]:
    return {"type": kind, "resource": {"record": record}} | ({"reason": reason} if reason else {})


def test_a_record_ends_released_or_rejected_for_a_reason() -> None:
    events = [
        _event("record.held", "t/0/1"),
        _event("record.released", "t/0/0"),
        _event("record.rejected", "t/0/1", "denied"),
    ]
    assert ended(events) == {"t/0/0": "released", "t/0/1": "denied"}


def test_a_record_that_ended_twice_is_told() -> None:
    with pytest.raises(NotAsToldError, match="t/0/0 ended twice"):
        ended([_event("record.released", "t/0/0"), _event("record.rejected", "t/0/0", "denied")])


def test_a_whole_run_is_whole() -> None:
    check_whole(ENDS, OUTCOMES, CLEAN)


def test_a_lost_record_is_told() -> None:
    with pytest.raises(NotAsToldError, match="have no end"):
        check_whole({TOPIC: {0: 2, 1: 2}}, OUTCOMES, CLEAN)


def test_a_record_released_twice_is_told() -> None:
    with pytest.raises(NotAsToldError, match="more than once"):
        check_whole(ENDS, OUTCOMES, [*CLEAN, CLEAN[0]])


def test_a_clean_record_that_the_audit_does_not_know_is_told() -> None:
    with pytest.raises(NotAsToldError, match="clean topic and audit differ"):
        check_whole(ENDS, OUTCOMES, [*CLEAN, _clean("c", "0/1")])


def test_a_record_under_another_principal_is_told() -> None:
    with pytest.raises(NotAsToldError, match="says it is of refunds"):
        check_whole(ENDS, OUTCOMES, [CLEAN[0], _clean("b", "1/0", principal="refunds")])


def test_a_record_that_overtook_another_is_told() -> None:
    with pytest.raises(NotAsToldError, match="0/3 came after a later one"):
        check_order([_clean("a", "0/4"), _clean("b", "1/3"), _clean("c", "0/3")])


def test_what_waited_behind_a_hold_may_come_later() -> None:
    check_order([_clean("a", "0/4"), _clean("b", "0/3", waited=True), _clean("c", "0/5")])


def test_a_batch_of_which_one_did_not_come_out_is_told() -> None:
    with pytest.raises(NotAsToldError, match="payments: 2 written, 1 released"):
        rows([Batch("payments", "checkout", "kcat", ["a", "z"])], OUTCOMES, CLEAN)


def test_a_batch_is_reckoned_by_its_ids_and_rejections_by_their_reason() -> None:
    batches = [
        Batch("payments", "checkout", "kcat", ["a", "b"]),
        Batch("malformed", "checkout", "kcat", [], "malformed-json", written=1),
    ]
    assert [(row.released, row.rejected) for row in rows(batches, OUTCOMES, CLEAN)] == [(2, 0), (0, 1)]


def test_a_record_released_instead_of_rejected_is_told() -> None:
    with pytest.raises(NotAsToldError, match="not all denied"):
        rows([Batch("refund", "checkout", "kcat", ["a"], "denied")], OUTCOMES, CLEAN)
