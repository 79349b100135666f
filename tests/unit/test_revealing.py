"""Recordings that reveal: card numbers encrypted under a key of the lane and hour, and gone with the month's KEK."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agents.keys.keks import kek, service_of
from agents.keys.recording import RecordingKeys, open_data_key
from agents.keys.settings import KeySettings
from cli.recordings.opened import Opener
from pipeline.keys import Keyring
from pipeline.keys.recording import KIND, SealedDataKey, SealedKeyError, kek_name
from pipeline.keys.service import KeysError, KeyServiceError
from pipeline.policy import PolicyError, parse_policy
from pipeline.recording import HashKey, Recording, read_recording
from pipeline.revealing import Secrets
from pipeline.source import sources
from tests import kms, transit
from tests.lane import KEYS, NOW, POLICY, MemoryLane
from tests.unit.test_recording import RECORDS

REVEALING = """    partitions: 1
    schema: closed
    recording: {mode: reveal, reason: chargebacks need the number for 30 days}
    fields:
      - {path: $.card.cvv, class: sad}
      - {path: $.amount, class: clear}
      - {path: $.note, class: clear}
      - {path: $.iban, class: iban, strategy: token}
"""
TEXT = POLICY.replace("    partitions: 1\n    fields:\n", REVEALING)
CARD, OTHER, CVV = "4111 1111 1111 1111", "5555555555554444", "737"
VALUE = {"card": {"number": CARD, "cvv": CVV}, "amount": 1, "note": f"also {OTHER}", "iban": "DE89370400440532013000"}
HOUR = 3600.0


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 21, 10, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def settings(tmp_path: Path) -> KeySettings:
    return KeySettings.model_validate({"recording_keys": {"directory": str(tmp_path / "keks")}})


def revealing(settings: KeySettings, clock: Clock, text: str = TEXT) -> MemoryLane:
    lane = MemoryLane(text, hash_key=HashKey.of("k1", bytes(32)))
    secrets = Secrets(RecordingKeys(settings, True, clock), {"k1": bytes(32)}, "k1")
    made = sources(lane.policy, Keyring({"k1": bytes(32)}, "k1"), secrets=secrets)
    lane.context = replace(lane.context, sources=made)
    return lane


def recorded(lane: MemoryLane) -> list[Recording]:
    return [read_recording(out.key, out.value, out.headers, out.timestamp) for out in lane.out[RECORDS]]


def test_card_numbers_are_kept_encrypted_and_nothing_else_is_more_than_masked(settings: KeySettings) -> None:
    lane = revealing(settings, Clock())
    lane.records(json.dumps(VALUE).encode(), headers=(("note", OTHER.encode()),), key=OTHER.encode())
    (found,), (clean,) = recorded(lane), lane.out["clean.payments"]
    kept, passed = json.loads(found.value or b""), json.loads(clean.value or b"")
    assert found.sealed is not None
    sign = f"enc_{found.sealed.id}_"
    assert kept["card"]["number"].startswith(sign) and kept["note"].startswith(f"also {sign}")
    assert passed["card"]["number"].startswith("tok_k1_") and "enc_" not in passed["note"]
    assert "cvv" not in kept["card"] and kept["iban"] == passed["iban"]
    assert (found.key, found.headers) == (clean.key, (("note", dict(clean.headers)["note"]),))
    whole = repr(lane.out)
    assert not any(text in whole for text in (CARD, CARD.replace(" ", ""), OTHER, f'"{CVV}"'))

    opened = Opener(lane.policy, settings, development=True).open(found)
    assert json.loads(opened.value or b"") == {**kept, "card": {"number": CARD}, "note": f"also {OTHER}"}


def test_an_iban_that_the_scan_finds_is_not_revealed_with_them(settings: KeySettings) -> None:
    text = TEXT.replace("    fields:\n", "    scan: {iban: encrypt}\n    fields:\n")
    lane = revealing(settings, Clock(), text)
    lane.records(json.dumps({"note": "DE89370400440532013000 and 5555555555554444"}).encode())
    (found,) = recorded(lane)
    opened = Opener(lane.policy, settings, development=True).open(found)
    note = json.loads(opened.value or b"")["note"]
    assert note.endswith(f" and {OTHER}") and "DE89" not in note and "enc_" not in note


def test_what_holds_no_card_number_and_what_could_not_be_masked_reveal_nothing(settings: KeySettings) -> None:
    lane = revealing(settings, Clock())
    lane.records(b'{"amount":1}', b'{"amount":', None)
    assert [each.sealed for each in recorded(lane)] == [None] * 3
    assert [each.value for each in recorded(lane)] == [b'{"amount":1}', None, None]


def test_each_hour_has_its_key_and_each_month_its_kek(settings: KeySettings, tmp_path: Path) -> None:
    clock = Clock()
    lane = revealing(settings, clock)
    value = json.dumps(VALUE).encode()
    for step in (0.0, 0.5 * HOUR, HOUR, 10 * 24 * HOUR):
        clock.now += step
        lane.records(value)
    sealed = [each.sealed for each in recorded(lane)]
    assert [each and each.hour for each in sealed] == ["2026-11-24T21"] * 2 + ["2026-11-24T22", "2026-12-04T22"]
    assert len({each and each.id for each in sealed}) == 3 and sealed[0] == sealed[1]
    keks = sorted(file.name for file in (tmp_path / "keks").iterdir())
    assert keks == [f"{kek_name('payments', month)}.kek" for month in ("2026-11", "2026-12")]


def test_a_value_that_does_not_fit_with_them_is_kept_as_masked(settings: KeySettings) -> None:
    lane = revealing(settings, Clock())
    lane.context = replace(lane.context, limits={**lane.context.limits, RECORDS: 1_200})
    lane.records(json.dumps({"note": " ".join([OTHER] * 12)}).encode())
    (found,) = recorded(lane)
    assert found.sealed is None and found.refused is None and b"enc_" not in (found.value or b"")


def test_without_its_key_service_nothing_is_enforced(tmp_path: Path) -> None:
    """A recording that reveals less than the policy says would be missed months later."""
    lane = revealing(KeySettings.model_validate({"recording_keys": {"service": "aws"}}), Clock())
    with pytest.raises(KeysError, match="add `aws"):
        lane.records(b'{"amount":1}')


def test_plain_keks_and_none_at_all_are_refused(settings: KeySettings) -> None:
    with pytest.raises(KeysError, match="say --development"):
        kek(settings, "file", "x", development=False)
    with pytest.raises(KeysError, match="recording_keys is missing"):
        service_of(KeySettings())


@pytest.fixture(params=["file", "vault", "aws"])
def served(request: pytest.FixtureRequest, settings: KeySettings, tmp_path: Path) -> Iterator[KeySettings]:
    """A real file, the Transit stand-in, moto's KMS."""
    with ExitStack() as closing:
        if request.param == "file":
            yield settings
            return
        services: dict[str, Any] = {}
        if request.param == "vault":
            services["vault"] = closing.enter_context(transit.stand_in(tmp_path / "vault")).settings(tmp_path)
        else:
            patch = closing.enter_context(pytest.MonkeyPatch.context())
            for name, content in kms.CREDENTIALS.items():
                patch.setenv(name, content)
            services["aws"] = closing.enter_context(kms.kms())
        yield KeySettings.model_validate({"key_services": services, "recording_keys": {"service": request.param}})


def test_a_destroyed_kek_makes_its_month_unreadable_and_no_other(
    served: KeySettings, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock()
    lane = revealing(served, clock)
    lane.records(json.dumps(VALUE).encode())
    clock.now += 10 * 24 * HOUR
    lane.records(json.dumps(VALUE).encode())
    november, december = recorded(lane)
    for each in (november, december):
        assert CARD.encode() in (Opener(lane.policy, served, True).open(each).value or b"")

    answer = kek(served, service_of(served), kek_name("payments", "2026-11"), True).destroy()
    assert answer and CARD not in answer
    assert {"file": "unlinked", "vault": "DELETE HTTP 204", "aws": "PendingDeletion"}[service_of(served)] in answer
    opener = Opener(lane.policy, served, True)
    assert opener.open(november) == november  # still encrypted
    assert "2026-11-24T21, does not open" in capsys.readouterr().err
    assert CARD.encode() in (opener.open(december).value or b"")
    again = RecordingKeys(served, True, Clock()).current("payments", 0)  # a new key of that name opens nothing old
    assert len(again.key) == 32
    assert november.sealed is not None
    with pytest.raises(KeyServiceError):
        open_data_key(served, november.sealed, True)


def test_a_data_key_is_bound_to_its_flow_lane_and_hour(served: KeySettings) -> None:
    sealed = SealedDataKey.decode(RecordingKeys(served, True, Clock()).current("payments", 0).header)
    assert len(open_data_key(served, sealed, True)) == 32
    for changes in ({"lane": 1}, {"hour": "2026-11-24T20"}, {"id": "r000000000000000"}):
        with pytest.raises(KeyServiceError):
            open_data_key(served, replace(sealed, **changes), True)  # type: ignore[arg-type]
    assert KIND == "recording"


def test_the_header_never_changes() -> None:
    header = (
        b'{"ciphertext":"vault:v1:AAAA","flow":"payments","hour":"2026-11-24T21","id":"r4f0a2c81b9d03e7","lane":3,'
        b'"service":"vault","v":1}'
    )
    sealed = SealedDataKey("payments", 3, "2026-11-24T21", "r4f0a2c81b9d03e7", "vault", "vault:v1:AAAA")
    assert (sealed.encode(), SealedDataKey.decode(header)) == (header, sealed)
    assert (sealed.kek, sealed.bound) == (
        "panlock-recordings-payments-2026-11",
        "payments/3/2026-11-24T21/r4f0a2c81b9d03e7",
    )
    for wrong in (b"", b"[]", b"{}", header.replace(b'"v":1', b'"v":2'), header.replace(b'"vault"', b'"other"')):
        with pytest.raises(SealedKeyError):
            SealedDataKey.decode(wrong)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("    schema: closed\n", "", "in an open schema a field that nobody declared"),
        ("      - {path: $.card.cvv, class: sad}\n", "", "no field is `class: sad`"),
        (", reason: chargebacks need the number for 30 days", "", "recording.reason: is missing"),
        ("    schema: closed\n", "    schema: closed\n    allow: [$.ref]\n", "allow: is not scanned"),
        ("    schema: closed\n", "    schema: closed\n    format: text\n", "format: has no recordings that reveal"),
    ],
)
def test_a_flow_where_authentication_data_could_hide_may_not_reveal(old: str, new: str, what: str) -> None:
    assert parse_policy(TEXT, "p").flows["payments"].recording.kept_ms == 30 * 86_400_000
    assert old in TEXT
    with pytest.raises(PolicyError, match=what):
        parse_policy(TEXT.replace(old, new, 1), "p")


def test_who_reveals_needs_both_roles_and_who_shreds_its_own() -> None:
    from pipeline.approval.decision import sign_message
    from pipeline.approval.replay import Shred
    from tests.unit.test_replays import message

    text = TEXT.replace("certificate: cem, roles: [", "certificate: cem, roles: [replayers, shredders, ")
    both = text.replace("[replayers, ", "[replayers, revealers, ")
    told = []
    for policy in (text, both):
        lane = MemoryLane(policy)
        lane.messages(sign_message(KEYS["cem"], message(mode="reveal")))
        told.append(lane.told()[-1])
    assert told == [("decision.refused", "wrong-role"), ("recording.read", "incident 812")]

    word = Shred("cluster", 0, "payments", "2026-11", "", "period over", "77ac", NOW // 1000)
    lane = MemoryLane(text)
    lane.messages(
        sign_message(KEYS["ana"], word),
        sign_message(KEYS["cem"], word),
        sign_message(KEYS["cem"], replace(word, answer="HTTP 204", jti="77ad")),
        sign_message(KEYS["cem"], replace(word, month="2026-13")),
    )
    events = lane.events()[-4:]
    assert [each["type"] for each in events] == ["decision.refused", *["recording.shredded"] * 2, "decision.refused"]
    assert [each.get("reason") for each in events] == ["wrong-role", "period over", "period over", "bad-signature"]
    assert events[1]["resource"]["kek"] == "panlock-recordings-payments-2026-11" and "recording" not in events[1]
    assert events[2]["recording"] == {"answer": "HTTP 204"}
