"""A proof's policies: people put them in force, under the policy before; the log names the bundle, and so its files."""

import json
from dataclasses import replace
from typing import Any

import pytest

from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.claims.material import NotProvenError
from pipeline.audit.life import Life
from pipeline.audit.manifest import Manifest
from pipeline.audit.merkle import leaf_hashes, root_of, roots_of
from pipeline.audit.note import Verifier, sign
from pipeline.audit.proof import Checked, Trusted, check, prove
from pipeline.opening import opened
from pipeline.policy.topics import AUDIT
from tests.audit_keys import SEALER
from tests.changing import CLUSTER, bundle, history, value
from tests.lane import NOW, MemoryLane

FIRST = bundle(1)
SECOND = bundle(2, ("amount > 5.0", "amount > 6.0"), files={"ca.pem": b"a CA that came later"})
SEALERS = Verifier("panlock-sealer", SEALER.key.public_key())
RECORD = "quarantine.payments.checkout/0/0"
SAID = [
    value("propose", "ana", FIRST, None), value("propose", "ben", SECOND, FIRST), value("approve", "cy", SECOND, FIRST),
    value("approve", "dee", SECOND, FIRST), value("apply", "dee", SECOND, FIRST),
]  # fmt: skip


def events() -> list[bytes]:
    """A lane that opens under the second policy, and holds a record."""
    lane = MemoryLane(SECOND.text.decode(), cluster=CLUSTER)
    lane.context = replace(lane.context, approved=history(SAID, FIRST.hash).chain)
    effects = opened(lane.state, lane.context, NOW, {}, None)
    lane.state.apply(effects)
    lane.out[AUDIT] = list(effects.sends[AUDIT, 0])
    lane.records(b'{"amount":9.0}')
    return [out.value or b"" for out in lane.out[AUDIT]]


def proof(change: Any = lambda event: None) -> dict[str, Any]:
    told = [json.loads(event) for event in events()]
    for event in told:
        change(event)
    raw = [json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() for event in told]
    life, leaves = Life(RECORD, [SECOND, FIRST]), leaf_hashes(raw)
    for seq, event in enumerate(raw):
        life.add(seq, event)
    checkpoint = Checkpoint(f"{CLUSTER}/panlock.audit/0", len(raw), root_of(leaves))
    texts = checkpoint.text(), Manifest(CLUSTER, "2026-11-24T04:08:00.123Z", (checkpoint,)).text()
    notes = [sign(each, "panlock-sealer", SEALER.key).encode() for each in texts]
    made: dict[str, Any] = json.loads(prove(life, notes[0], notes[1], roots_of(leaves), [SEALERS]))
    return made


def checked(made: dict[str, Any]) -> Checked:
    """By somebody who has the first policy alone."""
    return check(json.dumps(made).encode(), Trusted([SEALERS], {}, FIRST))


def test_a_policy_is_proven_by_those_who_put_it_in_force_and_its_files_by_its_bundles_hash() -> None:
    found = checked(proof())
    assert [each.what.split(" policy ")[0] for each in found.claims if each.proven] == [
        "ben@pay.example signed: propose", "cy@pay.example signed: approve", "dee@pay.example signed: approve",
        "dee@pay.example signed: apply",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("type_", "what"),
    [("policy.proposed", "lacks the words"), ("policy.approved", "too few"), ("policy.applied", "nobody applied it")],
)
def test_a_policy_without_any_of_the_words_is_not_in_force(type_: str, what: str) -> None:
    made = proof()
    number = next(n for n, each in enumerate(made["events"]) if f'"type":"{type_}"' in each["event"])
    del made["events"][number]
    with pytest.raises(NotProvenError, match=what):
        checked(made)


def test_a_policy_without_the_one_before_is_not_in_force() -> None:
    made = proof()
    del made["policies"][1]
    with pytest.raises(NotProvenError, match="lacks the policy before"):
        checked(made)


def test_another_file_makes_another_bundle() -> None:
    made = proof()
    made["policies"][0]["files"]["ca.pem"] = "YW5vdGhlcg=="
    with pytest.raises(NotProvenError, match="no event names its files"):
        checked(made)


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("tells something else", {"actor": {"person": "gus@pay.example"}}),
        ("does not count: bad-signature", {"jws": "e30.e30.e30"}),
        ("tells something else", {"reason": "another"}),
    ],
)
def test_who_holds_workers_and_sealers_keys_cannot_put_words_in_peoples_mouths(what: str, change: dict) -> None:
    def forge(event: dict[str, Any]) -> None:
        if event["type"] == "policy.approved" and event["resource"]["bundle"] == SECOND.hash:
            event.update(change)

    with pytest.raises(NotProvenError, match=what):
        checked(proof(forge))
