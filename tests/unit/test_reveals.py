"""A reveal is told before it is shown, and the audit says who, which and why."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

import cli.reveal
from cli.reveal import RevealError
from pipeline.approval.decision import DecisionError, Reveal, read_message, sign_message
from pipeline.keys import Keyring
from pipeline.masking.face import kernel_flow
from pipeline.policy import Policy, parse_policy
from pipeline.record import Refusal
from tests.lane import NOW, MemoryLane
from tests.vectors.decision.people import ANA, BEN, HERE

POLICY = (Path(HERE) / "policy.yaml").read_text()
KEY = bytes(range(32))


def with_revealer(text: str) -> Policy:
    policy = parse_policy(text, "p.yaml")
    ana = policy.people["ana@pay.example"]
    people = {**policy.people, "ana@pay.example": ana.model_copy(update={"roles": (*ana.roles, "revealers")})}
    return policy.model_copy(update={"people": people})


@pytest.fixture
def lane() -> MemoryLane:
    made = MemoryLane(POLICY)
    made.context = replace(made.context, policy=with_revealer(POLICY))
    return made


def message(of: MemoryLane, **changes: object) -> Reveal:
    flow = next(iter(of.policy.flows))
    made = Reveal(of.context.cluster, 0, flow, "pan", "ab" * 32, "chargeback 1177", "77aa", NOW // 1000)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_the_audit_says_who_read_which_value_and_why(lane: MemoryLane) -> None:
    lane.messages(sign_message(ANA, message(lane)))
    event = lane.events()[-1]
    assert (event["type"], event["actor"], event["reason"]) == (
        "value.revealed",
        {"person": "ana@pay.example"},
        "chargeback 1177",
    )
    assert (event["resource"]["class"], event["resource"]["sha256"]) == ("pan", "ab" * 32)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"cluster": "another"}, "wrong-cluster"),
        ({"lane": 1}, "unknown-record"),
        ({"flow": "nowhere"}, "unknown-record"),
        ({"iat": NOW // 1000 - 901}, "expired"),
        ({"iat": NOW // 1000 + 61}, "expired"),
    ],
)
def test_a_reveal_of_another_place_or_time_is_refused(lane: MemoryLane, changes: dict, refusal: str) -> None:
    lane.messages(sign_message(ANA, message(lane, **changes)))
    assert lane.told()[-1] == ("decision.refused", refusal)


def test_a_reveal_by_somebody_without_the_role_is_refused_and_told(lane: MemoryLane) -> None:
    lane.messages(sign_message(BEN, message(lane)))
    assert lane.told()[-1] == ("decision.refused", "wrong-role")


def test_a_forged_reveal_is_no_message(lane: MemoryLane) -> None:
    raw = sign_message(ANA, message(lane))
    assert read_message(raw[:-4] + b"AAAA", lane.policy) is Refusal.BAD_SIGNATURE
    with pytest.raises(DecisionError, match="needs a reason"):
        sign_message(ANA, message(lane, reason=""))


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What went to panlock.decisions; the caller is ana."""
    sent: list[bytes] = []
    settings = type("Settings", (), {"signatory": lambda self: ANA})()
    monkeypatch.setattr(cli.reveal, "load_config", lambda config: settings)
    monkeypatch.setattr(cli.reveal, "cluster_id", lambda settings: "c")
    monkeypatch.setattr(cli.reveal, "send", lambda settings, key, raw, lane: sent.append(raw))
    return sent


def encrypted(policy: Policy, flow: str) -> str:
    kernel = kernel_flow(flow, policy.flows[flow], policy, Keyring({"k1": KEY}, "k1"))
    value = kernel.enforce("checkout", [None], [b'{"pan":"4111-1111"}'], [()])[0][3]
    assert value is not None
    return str(json.loads(value)["pan"])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, str, str]:
    """Policy file, configuration, flow and a value."""
    import yaml

    tree = yaml.safe_load(POLICY)
    flow = next(iter(tree["flows"]))
    tree["flows"][flow]["fields"] = [{"path": "$.pan", "class": "pan", "strategy": "encrypt"}]
    tree["people"]["ana@pay.example"]["roles"].append("revealers")
    policy, key = tmp_path / "p.yaml", tmp_path / "k1.key"
    policy.write_text(yaml.safe_dump(tree))
    key.write_bytes(KEY)
    key.chmod(0o600)
    config = tmp_path / "ana.yaml"
    config.write_text("token_keys: {k1: k1.key}")
    return policy, config, flow, encrypted(parse_policy(policy.read_text(), "p.yaml"), flow)


def test_a_value_is_shown_as_it_was_written_after_it_was_told(
    told: list[bytes], files: tuple[Path, Path, str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    policy, config, flow, value = files
    cli.reveal.reveal(value, policy, flow, "chargeback 1177", config, development=True)
    assert capsys.readouterr().out == "4111-1111\n"
    found = read_message(told[0], parse_policy(policy.read_text(), "p.yaml"))
    assert isinstance(found, Reveal)
    assert (found.kind, found.sha256) == ("pan", hashlib.sha256(value.encode()).hexdigest())
    assert b"4111" not in told[0]


def test_nothing_is_shown_where_it_cannot_be_told(
    told: list[bytes],
    files: tuple[Path, Path, str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise RevealError("Kafka does not answer")

    monkeypatch.setattr(cli.reveal, "send", refuse)
    policy, config, flow, value = files
    with pytest.raises(RevealError):
        cli.reveal.reveal(value, policy, flow, "chargeback 1177", config, development=True)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda value: value[:-6] + "AAAAAA", "altered"),
        (lambda value: "tok_k1_" + "a" * 32, "no encrypted value"),
        (lambda value: "4111111111111111", "no encrypted value"),
        (lambda value: value.replace("enc_k1", "enc_K-1"), "no key 'K-1'"),
    ],
)
def test_what_is_no_value_of_the_flow_is_refused_and_not_told(
    told: list[bytes], files: tuple[Path, Path, str, str], change, what: str
) -> None:  # type: ignore[no-untyped-def]
    policy, config, flow, value = files
    with pytest.raises(RevealError, match=what):
        cli.reveal.reveal(change(value), policy, flow, "chargeback 1177", config, development=True)
    assert told == []


def test_somebody_without_the_role_is_shown_nothing(
    told: list[bytes], files: tuple[Path, Path, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    policy, config, flow, value = files
    policy.write_text(policy.read_text().replace("- revealers", "- others"))
    with pytest.raises(RevealError, match="role revealers"):
        cli.reveal.reveal(value, policy, flow, "chargeback 1177", config, development=True)
    assert told == []
