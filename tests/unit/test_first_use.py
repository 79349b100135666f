"""A key's first use in a lane is told once, whatever comes after."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from panlock_kernel import Keyring

from pipeline.audit.signature import Signer
from pipeline.first_use import keys_used
from pipeline.keys.opened import Keys, seal_name
from pipeline.opening import opened
from pipeline.policy import parse_policy
from pipeline.source import sources
from tests.lane import HOUR, NOW, POLICY, MemoryLane

CARD = b'{"card":{"number":"4111111111111111"}}'
ORIGINS = {"token/k1": "vault", "token/k2": "aws"}
FIRST = {"kind": "token", "id": "k1", "from": "vault"}


@pytest.fixture
def lane() -> MemoryLane:
    return MemoryLane(keys=ORIGINS)


def told(lane: MemoryLane) -> list[object]:
    return [event["key"] for event in lane.events() if event["type"] == "key.first-used"]


def test_the_first_use_is_told_in_its_own_transaction_and_never_again(lane: MemoryLane) -> None:
    lane.records(b'{"nothing":1}')
    assert told(lane) == []
    lane.records(CARD, CARD)
    assert [type_ for type_, _ in lane.told()][-3:] == ["record.released", "record.released", "key.first-used"]
    assert lane.events()[-1]["actor"] == {"worker": "w@host/1"}
    lane.records(CARD)
    lane.context = replace(lane.context, worker="w@host/2")  # a restart: the state stays
    lane.records(CARD)
    assert told(lane) == [FIRST]


def test_a_held_record_uses_its_key(lane: MemoryLane) -> None:
    lane.records(CARD.replace(b"}}", b'},"amount":9000.0}'))
    assert lane.held() == [0]
    assert told(lane) == [FIRST]


@pytest.mark.parametrize("text", ['\\",\\"key\\":\\"k2\\"', '\\"key\\":\\"k2\\"'])
def test_text_of_a_producer_does_not_look_like_a_use(lane: MemoryLane, text: str) -> None:
    card = CARD.replace(b'"card"', b'"%b":"4111111111111111","card"' % text.encode())
    lane.records(card)
    evidence = lane.events()[0]["masking"]
    assert any("k2" in finding["path"] for finding in evidence)
    assert told(lane) == [FIRST]


def test_while_a_domain_is_dual_the_previous_key_is_used_too() -> None:
    text = f"{POLICY}token_domains: {{default: {{key: k2, previous: k1, dual: true, rekeys: [payments]}}}}\n"
    policy = parse_policy(text, "p.yaml")
    keyring = Keyring({"k1": bytes(32), "k2": bytes(range(32))}, "k1")
    lane = MemoryLane(keys=ORIGINS)
    lane.context = replace(lane.context, policy=policy, sources=sources(policy, keyring))
    lane.records(CARD)
    assert told(lane) == [FIRST, {"kind": "token", "id": "k2", "from": "aws"}]


def test_the_key_that_signs_the_audit_is_told_of_in_the_first_transaction_that_it_signs() -> None:
    signer = Signer(Ed25519PrivateKey.from_private_bytes(bytes(32)))
    name = f"audit/{signer.kid}"
    lane = MemoryLane(keys={name: "aws"}, signer=signer)
    lane.records(CARD)
    lane.records(CARD)
    assert told(lane) == [{"kind": "audit", "id": signer.kid, "from": "aws"}]
    assert [("signature" in event) for event in lane.events()] == [False, True, True]


def keys() -> Keys:
    origins = {**dict.fromkeys(("token/k0", "token/k1", "token/k2"), "vault"), seal_name(b"\xab" * 32): "aws"}
    return Keys({}, "k1", {}, origins)


@pytest.mark.parametrize(
    ("domains", "wanted"),
    [
        ("", {"token/k1"}),
        ("token_domains: {default: {key: k2, previous: k0, rekeys: [payments]}}\n", {"token/k2"}),
        (
            "token_domains: {default: {key: k2, previous: k0, dual: true, rekeys: [payments]}}\n",
            {"token/k2", "token/k0"},
        ),
        ("token_domains: {cards: {key: k2}}\n", {"token/k1", "token/k2"}),
    ],
)
def test_keys_that_only_recognise_are_not_waited_for(domains: str, wanted: set[str]) -> None:
    used = keys_used(parse_policy(POLICY + domains, "p.yaml"), keys())
    assert set(used) == wanted | {seal_name(b"\xab" * 32)}


def test_a_lane_that_opens_says_where_its_keys_come_from(lane: MemoryLane) -> None:
    lane.state.apply(effects := opened(lane.state, lane.context, NOW + HOUR, {}, None))
    lane.out.setdefault("panlock.audit", []).extend(effects.sends["panlock.audit", 0])
    assert lane.events()[-1]["keys"] == ORIGINS
