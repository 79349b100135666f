"""Events and their chain: pinned bytes, numbers, hashes, bounds."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from pipeline.audit import canonical
from pipeline.audit.bound import MAX_BYTES
from pipeline.audit.events import NO_PREVIOUS, Chain, EventType, timestamp

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/audit/events.json").read_text())
NOW = timestamp(1_795_493_280_123)
MASKED = b'[{"by":"field","class":"pan","key":"k1","path":"$.card.number","strategy":"token"}]'


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_an_events_bytes_never_change(vector: dict) -> None:
    chain = Chain(**vector["chain"])
    key, event = chain.event(EventType(vector["type"]), vector["time"].encode(), **vector["fields"])
    assert (key.decode(), event.decode()) == (vector["key"], vector["event"])
    assert chain.prev == vector["sha256"] == sha256(event).hexdigest()


def test_a_chain_begins_at_0_behind_nothing() -> None:
    key, event = Chain(3, "ab" * 32).event(EventType.LANE_OPENED, NOW, actor={"worker": "w1"})
    assert key == b"3/0"
    assert json.loads(event)["prev"] == NO_PREVIOUS == "0" * 64


def test_each_event_holds_the_hash_of_the_one_before() -> None:
    chain = Chain(3, "ab" * 32, 41, "cd" * 32)
    _, first = chain.released("quarantine.a.b/3/1", "b", b"ef" * 32, MASKED, None, NOW)
    key, second = chain.event(EventType.LANE_CLOSED, NOW)
    assert json.loads(first)["prev"] == "cd" * 32
    assert json.loads(second)["prev"] == sha256(first).hexdigest()
    assert (key, chain.seq) == (b"3/42", 43)


def test_a_chain_goes_on_from_its_head_in_either_form() -> None:
    heads = [Chain(0, "", 5, prev) for prev in ("ab" * 32, b"ab" * 32)]
    assert len({chain.event(EventType.LANE_CLOSED, NOW) for chain in heads}) == 1


def test_what_is_not_known_is_absent() -> None:
    _, event = Chain(0, "").event(EventType.RECORD_REJECTED, NOW, reason="too-deep", place=None)
    assert "place" not in json.loads(event)


@pytest.mark.parametrize("more", [None, {"pan": 7}])
def test_evidence_that_does_not_fit_is_named_as_far_as_it_fits_and_counted_beyond(more: dict | None) -> None:
    finding = {"by": "scan", "class": "pan", "path": "$." + "\x01" * 150, "strategy": "partial"}
    findings = [dict(finding, path=finding["path"] + str(n)) for n in range(100)]
    masking = canonical.encode(findings)
    assert len(masking) > MAX_BYTES
    for padding in range(len(canonical.encode(finding))):  # wherever the bound falls within a finding
        chain = Chain(0, "ab" * 32)
        counts = None if more is None else canonical.encode(more)
        _, event = chain.released("q" * padding, "b", b"ef" * 32, masking, counts, NOW)
        body = json.loads(event)
        assert "cut" not in body
        assert MAX_BYTES - 2_000 < len(event) <= MAX_BYTES
        assert body["masking"] == findings[: len(body["masking"])]
        assert body["masking_more"] == {"pan": 100 + (7 if more else 0) - len(body["masking"])}
        assert chain.prev == sha256(event).hexdigest()


def test_an_event_with_any_other_field_too_long_says_what_it_left_out() -> None:
    _, event = Chain(0, "ab" * 32).event(
        EventType.STORE_CORRUPT, NOW, actor={"worker": "w1"}, reason="x" * 70_000, starts=["y" * 60_000, "z" * 60_000]
    )
    body = json.loads(event)
    assert len(event) <= MAX_BYTES
    assert body["cut"] == ["reason", "starts"]
    assert body["actor"] == {"worker": "w1"}


def test_no_field_can_pass_for_one_of_the_chains_own() -> None:
    _, event = Chain(7, "ab" * 32).event(EventType.LANE_CLOSED, NOW, seq=99, prev="forged", v=2, lane=1)
    body = json.loads(event)
    assert (body["v"], body["lane"], body["seq"], body["prev"]) == (1, 7, 0, NO_PREVIOUS)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, b"1970-01-01T00:00:00.000Z"),
        (1_795_493_280_007, b"2026-11-24T04:08:00.007Z"),
        (-1, b"1970-01-01T00:00:00.000Z"),
        (2**62, b"9999-12-31T23:59:59.999Z"),
    ],
)
def test_times_are_utc_with_milliseconds_whatever_the_number(ms: int, text: bytes) -> None:
    assert timestamp(ms) == text


@pytest.mark.parametrize("value", [1.5, float("nan"), 2**53, {"é": 1}, {1: "x"}, b"bytes", "\ud800"])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(canonical.NotCanonicalError):
        Chain(0, "").event(EventType.LANE_CLOSED, NOW, field=value)


@pytest.mark.parametrize(
    "text", [b'{"b":1,"a":2}', b'{"a": 1}', b'{"a":1,"a":1}', b'{"a":1.0}', b'"\\u0041"', b"{", b""]
)
def test_json_that_is_not_in_canonical_form_is_found(text: bytes) -> None:
    with pytest.raises(canonical.NotCanonicalError):
        canonical.decode(text)
