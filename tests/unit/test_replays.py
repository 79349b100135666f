"""A replay is told before anything is read, and the audit says who, what, and who let them."""

from dataclasses import replace

import pytest

from cli.recordings.asked import Asked, ReplayError, asked, moment, words
from cli.recordings.copied import check_topic
from cli.recordings.session import session
from pipeline.approval.decision import DecisionError, read_message, sign_message
from pipeline.approval.replay import Replay, ReplayWord
from pipeline.policy import Policy, parse_policy
from pipeline.policy.explain import explain
from pipeline.policy.models import Recording
from pipeline.record import Refusal
from tests.lane import KEYS, NOW, POLICY, TOPIC, MemoryLane
from tests.unit.test_recording import RECORDS, read

RECORDED = POLICY.replace("    partitions: 1\n", "    partitions: 1\n    recording: masked\n")
RECORDED = RECORDED.replace("certificate: cem, roles: [", "certificate: cem, roles: [replayers, ")
ASKING = RECORDED.replace("recording: masked", "recording: {mode: masked, approvers: [payments-approvers], quorum: 2}")
HOUR = 3_600_000


def message(**changes: object) -> Replay:
    made = Replay(
        "cluster", 0, "payments", "checkout", "", NOW - HOUR, NOW, "masked", "terminal", "", "incident 812", "77aa",
        NOW // 1000,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def word(**changes: object) -> ReplayWord:
    made = ReplayWord(
        "cluster", 0, "payments", "checkout", "", NOW - HOUR, NOW, "masked", "cem@pay.example", "agreed", "77ab",
        NOW // 1000,
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def test_the_audit_says_who_replays_what_where_to_and_why() -> None:
    lane = MemoryLane(RECORDED)
    lane.messages(sign_message(KEYS["cem"], message()))
    event = lane.events()[-1]
    assert (event["type"], event["actor"], event["reason"]) == (
        "recording.read",
        {"person": "cem@pay.example"},
        "incident 812",
    )
    assert (event["resource"]["flow"], event["resource"]["principal"]) == ("payments", "checkout")
    assert event["recording"]["mode"] == "masked" and event["recording"]["place"] == "terminal"
    assert event["recording"]["since"] < event["recording"]["until"]


@pytest.mark.parametrize(
    ("who", "changes", "refusal"),
    [
        ("ana", {}, "wrong-role"),
        ("cem", {"cluster": "another"}, "wrong-cluster"),
        ("cem", {"lane": 1}, "unknown-record"),
        ("cem", {"flow": "nowhere"}, "unknown-record"),
        ("cem", {"iat": NOW // 1000 - 901}, "expired"),
        ("cem", {"iat": NOW // 1000 + 61}, "expired"),
        ("cem", {"mode": "clear"}, "bad-signature"),
        ("cem", {"place": "pocket"}, "bad-signature"),
        ("cem", {"approved": "all of them"}, "bad-signature"),
        ("cem", {"principal": "4111111111111111"}, "bad-signature"),
    ],
)
def test_another_replay_is_refused_and_told(who: str, changes: dict[str, object], refusal: str) -> None:
    lane = MemoryLane(RECORDED)
    lane.messages(sign_message(KEYS[who], message(**changes)))
    assert lane.told()[-1] == ("decision.refused", refusal)


def test_a_flow_that_does_not_record_has_no_replay() -> None:
    lane = MemoryLane(RECORDED.replace("    recording: masked\n", ""))
    lane.messages(sign_message(KEYS["cem"], message()))
    assert lane.told()[-1] == ("decision.refused", "unknown-record")


def test_a_replay_needs_a_reason_without_a_card_number() -> None:
    for reason in ("", "card 4111 1111 1111 1111"):
        with pytest.raises(DecisionError):
            sign_message(KEYS["cem"], message(reason=reason))
    raw = sign_message(KEYS["cem"], message())
    assert read_message(raw[:-4] + b"AAAA", parse_policy(RECORDED, "p")) is Refusal.BAD_SIGNATURE


def test_where_others_must_agree_a_replay_without_their_words_is_refused() -> None:
    lane = MemoryLane(ASKING)
    lane.messages(*(sign_message(KEYS[name], word(jti=f"a{name}")) for name in ("ana", "ben")))
    given = [event for event in lane.events() if event["type"] == "recording.approved"]
    assert [event["actor"]["person"] for event in given] == ["ana@pay.example", "ben@pay.example"]
    ids = [event["id"] for event in given]
    lane.messages(*(sign_message(KEYS["cem"], message(approved=" ".join(some))) for some in ([], ids[:1], ids[:1] * 2)))
    assert lane.told()[-3:] == [("decision.refused", "not-approved")] * 3
    lane.messages(sign_message(KEYS["cem"], message(approved=" ".join(ids))))
    event = lane.events()[-1]
    assert (event["type"], event["approval"]) == ("recording.read", {"approved": ids})


@pytest.mark.parametrize(
    ("who", "changes", "refusal"),
    [
        ("ops", {}, "wrong-role"),
        ("ana", {"replayer": "Ana@pay.example"}, "requester"),
        ("ana", {"lane": 2}, "unknown-record"),
    ],
)
def test_a_word_that_does_not_count_is_refused(who: str, changes: dict[str, object], refusal: str) -> None:
    lane = MemoryLane(ASKING)
    lane.messages(sign_message(KEYS[who], word(**changes)))
    assert lane.told()[-1] == ("decision.refused", refusal)


def test_the_command_counts_words_of_others_for_that_very_session() -> None:
    lane, recording = MemoryLane(ASKING), parse_policy(ASKING, "p").flows["payments"].recording
    said = [
        word(jti="a1"), word(jti="a2"), word(jti="a3", until=NOW + 1), word(jti="a4", replayer="dee@pay.example"),
        word(jti="a5", principal="strict"), word(jti="a6", record=f"{TOPIC}/0/1"),
    ]  # fmt: skip
    lane.messages(*(sign_message(KEYS["ana"], each) for each in said))
    events = [event for event in lane.events() if event["type"] == "recording.approved"]
    assert len(events) == len(said)
    what = Asked("payments", "checkout", "", NOW - HOUR, NOW)
    with pytest.raises(ReplayError, match="takes the word of 2 with a role of payments-approvers, and 1 have"):
        words(events, what, recording, "cem@pay.example", "masked")
    spelled = {**events[0], "actor": {"person": "Ana@PAY.example"}}  # an issuer's spelling: the same person
    with pytest.raises(ReplayError, match="and 1 have"):
        words([*events, spelled], what, recording, "cem@pay.example", "masked")
    lane.messages(sign_message(KEYS["ben"], word(jti="b1")))
    found = words([*events, lane.events()[-1]], what, recording, "cem@pay.example", "masked")
    assert set(found) == {"ana@pay.example", "ben@pay.example"}
    assert words([], what, Recording.model_validate({"mode": "masked"}), "cem@pay.example", "masked") == {}


def test_a_session_is_in_order_with_what_became_of_each_record() -> None:
    lane = MemoryLane(RECORDED)
    lane.records(b'{"n":1}', at=NOW, now=NOW - 40)  # a worker's clock that is behind
    lane.records(b'{"amount":9000.0}', at=NOW + 50, now=NOW + 60)
    lane.records(b"nonsense", at=NOW + 70, now=NOW + 80)
    lane.messages(lane.sign("ana", 1, "deny"), at=NOW + 5_000)
    entries = session([read(out) for out in lane.out[RECORDS]], lane.events())
    told = [(each.record.rsplit("/", 1)[1], each.what, each.time - NOW) for each in entries]
    assert told == [
        ("0", "written", 0),
        ("0", "record.released", 0),
        ("1", "written", 50),
        ("1", "record.held", 60),
        ("2", "written", 70),
        ("2", "record.rejected", 80),
        ("1", "decision.accepted", 5_000),
        ("1", "record.rejected", 5_000),
    ]
    first, refused, decision = (entries[at].json(NOW) for at in (0, 4, 6))
    assert (first["value"], first["key"], first["headers"], first["after"]) == ('{"n":1}', "k", [], 0.0)
    assert refused["refused"]["reason"] == "malformed-json" and "value" not in refused
    assert (decision["actor"]["person"], decision["approval"]["decision"]) == ("ana@pay.example", "deny")


def test_bytes_that_are_no_text_are_shown_as_base64() -> None:
    lane = MemoryLane(RECORDED)
    lane.records(b'{"n":1}', key=b"\xff\x00", headers=(("raw", b"\xfe"), ("none", None)))
    entry = session([read(lane.out[RECORDS][0])], [])[0].json(NOW)
    assert entry["key"] == {"base64": "/wA="}
    assert entry["headers"] == [["raw", {"base64": "/g=="}], ["none", None]]


@pytest.fixture(scope="module")
def policy() -> Policy:
    return parse_policy(RECORDED, "p.yaml")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("quarantine.payments.nobody/0/1", None, None, None, None), "no quarantine topic"),
        ((f"{TOPIC}/0/1", "payments", None, None, None), "leave the other options out"),
        ((None, "payments", None, None, None), "say which session"),
        ((None, "other", "checkout", None, None), "those that do are payments"),
        ((None, "payments", "nobody", None, None), "no producer of flow payments"),
        ((None, "payments", "checkout", "1h", "2h"), "not behind --since"),
        ((None, "payments", "checkout", "yesterday", None), "is no time"),
    ],
)
def test_what_cannot_be_replayed_is_said(policy: Policy, arguments: tuple[str | None, ...], what: str) -> None:
    with pytest.raises(ReplayError, match=what):
        asked(policy, *arguments)  # type: ignore[misc]


def test_times_are_moments_or_ages() -> None:
    assert moment("2h", NOW) == NOW - 2 * HOUR
    assert moment("1970-01-01T00:00:01.5Z", NOW) == moment("1970-01-01T00:00:01.5", NOW) == 1500
    assert moment("1970-01-01T02:00:01+02:00", NOW) == 1000


@pytest.mark.parametrize("topic", ["clean.payments", "quarantine.payments.checkout", "panlock.audit", "__offsets"])
def test_a_session_is_never_written_where_it_would_pass_for_the_real_one(policy: Policy, topic: str) -> None:
    with pytest.raises(ReplayError, match="a topic of your own"):
        check_topic(topic, policy)
    check_topic("investigation-812", policy)


def test_a_policy_in_sentences_says_what_is_recorded_and_who_replays_it() -> None:
    told = " ".join(explain(parse_policy(ASKING, "p")))
    assert (
        "They are recorded, as they are masked, for 90d; replayed by cem@pay.example, with the word of 2 with" in told
    )
    assert "recorded" not in " ".join(explain(parse_policy(POLICY, "p")))
