"""What bench.audit measures: events that verify, and proofs that hold, from tiles as an export has them."""

from pathlib import Path

import pytest

from bench import audit, searching


def test_the_events_are_a_lanes_and_verify_to_their_checkpoint() -> None:
    rows = audit.lane(0, 1_200, "c")
    assert [b'"signature"' in row.value for row in rows].count(True) == 3
    assert audit.verify_rate(rows) > 0


def test_an_event_that_does_not_verify_ends_the_measurement() -> None:
    rows = audit.lane(0, 1_200, "c")
    rows[7] = rows[7]._replace(value=rows[7].value.replace(b"checkout", b"checkin", 1))
    with pytest.raises(RuntimeError, match="do not verify"):
        audit.verify_rate(rows)


def test_a_proof_grows_with_the_logarithm_of_the_log() -> None:
    assert [audit.proofs(size)["bytes"] // 32 for size in (1_000, 70_000)] == [10, 17]


def test_what_is_searched_is_the_same_for_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "SEED", 1_000)
    found = searching.run(tmp_path, 3_000, lambda _: None)
    assert set(found) == {"index", "record", "text", "flow, outcome and day"}
    lines = (tmp_path / "events.ndjson").read_text().splitlines()
    assert (len(lines), len(set(lines))) == (3_000, 3_000)
    assert f'"record":"quarantine.payments.checkout/0/{2_345}"' in lines[2_345]
