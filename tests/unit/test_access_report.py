"""A report counts when a broker's key has signed exactly these bytes, and they are a report of this cluster."""

import json
from typing import Any

import pytest

from pipeline.audit.access.report import DOMAIN, HEADER, Access, ReportError, read_report
from tests.audit_keys import BROKERS, STRANGER

KEYS = {BROKERS.kid: BROKERS.key.public_key()}
SAID = {
    "v": 1, "cluster": "c", "node": 1, "role": "broker", "incarnation": "0123456789abcdef", "started": 1, "seq": 0,
    "from": 1, "to": 2, "last": False,
    "counts": [["User:ledger", "10.0.0.7", "TOPIC", "payments", "READ", "FETCH", True, 57]],
    "beyond": {"allowed": 0, "denied": 0, "failed": 0},
}  # fmt: skip


def signed(value: bytes) -> dict[str, bytes | None]:
    return {HEADER: BROKERS.key.sign(DOMAIN + value)}


def test_what_a_node_writes_is_read() -> None:
    value = json.dumps(SAID).encode()
    report = read_report(value, signed(value), "c", KEYS)
    assert report.source == "1/broker" and report.to == 2
    assert report.counts == (Access("User:ledger", "10.0.0.7", "TOPIC", "payments", "READ", "FETCH", True, 57),)


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2}, {"node": -1}, {"node": "1"}, {"role": "admin"}, {"incarnation": "x"}, {"seq": -1}, {"to": 1.5},
        {"last": 0}, {"counts": [["User:x"]]}, {"counts": [["a", "b", "c", "d", "e", "f", True, -1]]},
        {"counts": [["a" * 257, "b", "c", "d", "e", "f", True, 1]]}, {"beyond": {"allowed": -1}}, {"more": 1},
        {"counts": [["a", "b", "c", "d", "e", "f", True, 1]] * 1_001},
    ],
)  # fmt: skip
def test_what_is_no_report_is_malformed(change: dict[str, Any]) -> None:
    value = json.dumps({**SAID, **change}).encode()
    with pytest.raises(ReportError) as refused:
        read_report(value, signed(value), "c", KEYS)
    assert refused.value.reason == "malformed"


@pytest.mark.parametrize("value", [b"", b"{}", b"\xff", b"[" * 5_000])
def test_any_bytes_are_refused_without_another_error(value: bytes) -> None:
    with pytest.raises(ReportError) as refused:
        read_report(value, signed(value), "c", KEYS)
    assert refused.value.reason == "malformed"


def test_another_key_other_bytes_or_no_signature_do_not_count() -> None:
    value = json.dumps(SAID).encode()
    for bytes_, headers in (
        (value, {HEADER: STRANGER.key.sign(DOMAIN + value)}),
        (value, {HEADER: BROKERS.key.sign(value)}),
        (value + b" ", signed(value)),
        (value, {}),
        (value, {HEADER: None}),
        (None, {}),
    ):
        with pytest.raises(ReportError) as refused:
            read_report(bytes_, headers, "c", KEYS)
        assert refused.value.reason == "signature"


def test_a_report_of_another_cluster_does_not_count() -> None:
    value = json.dumps(SAID).encode()
    with pytest.raises(ReportError) as refused:
        read_report(value, signed(value), "other", KEYS)
    assert refused.value.reason == "cluster"
