"""The proof of a record's life: what belongs to it, and every way in which it does not hold."""

# ruff: noqa: E501  # tables

import json
from collections.abc import Callable

import pytest

from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.claims.material import NotProvenError
from pipeline.audit.events import Chain, EventType, timestamp
from pipeline.audit.life import Life
from pipeline.audit.manifest import Manifest
from pipeline.audit.merkle import leaf_hashes, root_of, roots_of
from pipeline.audit.note import Verifier, sign
from pipeline.audit.proof import Checked, Trusted, prove
from pipeline.audit.proof import check as check_proof
from pipeline.policy.bundle import bundle_of
from tests.audit_keys import SEALER, STRANGER
from tests.policy_text import POLICY

RECORD, LOG = "quarantine.payments.checkout/3/17", "c/panlock.audit/3"
NOW = timestamp(0)
VERIFIER = Verifier("panlock-sealer", SEALER.key.public_key())
BUNDLE = bundle_of(POLICY.encode(), {}, "policy.yaml")


def check(raw: bytes, sealers: list[Verifier]) -> Checked:
    return check_proof(raw, Trusted(sealers, {}, BUNDLE))


def log() -> list[bytes]:
    chain, told = Chain(3, "ab" * 32), []

    def tell(type_: EventType, **fields: object) -> None:
        told.append(chain.event(type_, NOW, **fields)[1])

    tell(EventType.LANE_OPENED)
    for number in range(3):
        tell(EventType.CERTIFICATE_SEEN, actor={"principal": "p", "certificate": f"{number:064x}"})
        tell(EventType.APPROVER_KEYS_OBSERVED, resource={"sha256": f"{number + 10:064x}"})
    tell(EventType.RECORD_HELD, resource={"record": RECORD}, actor={"principal": "p", "certificate": f"{1:064x}"})
    tell(EventType.RECORD_RELEASED, resource={"record": RECORD + "0"})
    tell(EventType.DECISION_REFUSED, resource={"record": "other"}, reason=f"not {RECORD}")
    tell(EventType.DECISION_REFUSED, resource={"record": RECORD}, keys=f"{12:064x}")
    tell(EventType.RECORD_RELEASED, resource={"record": RECORD})
    tell(EventType.LANE_CLOSED)
    return told


EVENTS = log()
LEAVES = leaf_hashes(EVENTS)
CHECKPOINT = Checkpoint(LOG, len(EVENTS), root_of(LEAVES))


def note(text: str) -> str:
    return sign(text, "panlock-sealer", SEALER.key)


def proof(checkpoint: Checkpoint = CHECKPOINT, logs: tuple[Checkpoint, ...] = (CHECKPOINT,)) -> bytes:
    life = Life(RECORD)
    for seq, event in enumerate(EVENTS):
        life.add(seq, event)
    manifest = note(Manifest("c", NOW.decode(), logs).text()).encode()
    return prove(life, note(checkpoint.text()).encode(), manifest, roots_of(LEAVES), [VERIFIER])


def test_a_life_has_its_events_and_what_they_refer_to_and_no_others() -> None:
    checked = check(proof(), [VERIFIER])
    assert [event["type"] for event in checked.events] == [
        "certificate.seen", "approver.keys-observed", "record.held", "decision.refused", "record.released",
    ]  # fmt: skip
    assert [event["seq"] for event in checked.events] == [3, 6, 7, 10, 11]
    assert (checked.record, checked.checkpoint) == (RECORD, CHECKPOINT)


def test_a_record_that_no_event_names_has_no_proof() -> None:
    life = Life("quarantine.payments.checkout/3/1")
    for seq, event in enumerate(EVENTS):
        life.add(seq, event)
    with pytest.raises(NotProvenError, match="no sealed event names"):
        life.all()


Change = Callable[[dict], object]
WRONGS: dict[str, tuple[str, Change]] = {
    "an event changed": ("does not lead to the root", lambda p: p["events"][2].update(event=p["events"][2]["event"].replace("lane.", "lame.").replace("record.held", "record.helm"))),
    "an event at another place": ("the key is not the event.s id", lambda p: p["events"][2].update(seq=8)),
    "a path of another length": ("has a path of", lambda p: p["events"][2]["path"].pop()),
    "a hash of the path": ("does not lead to the root", lambda p: p["events"][2]["path"].__setitem__(0, p["events"][2]["path"][1])),
    "a place beyond the log": ("the key is not the event.s id", lambda p: p["events"][-1].update(seq=99)),
    "no event of the record": ("none of the events", lambda p: p.update(events=p["events"][:2])),
    "another record": ("none of the events", lambda p: p.update(record="quarantine.payments.checkout/3/18")),
    "a checkpoint that nobody signed": ("is not one of this note", lambda p: p.update(checkpoint=p["checkpoint"].replace("audit/3", "audit/4"))),
    "a manifest that nobody signed": ("is not one of this note", lambda p: p.update(manifest=p["manifest"].replace("c/", "d/"))),
    "no base64": ("not a proof", lambda p: p["events"][0]["path"].append("*")),
    "another version": ("not a proof", lambda p: p.update(v=2)),
    "a part missing": ("not a proof", lambda p: p.pop("manifest")),
    "a number that is none": ("not a proof", lambda p: p["events"][0].update(seq="3")),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONGS)
def test_whatever_is_changed_it_does_not_hold(name: str) -> None:
    what, change = WRONGS[name]
    parts = json.loads(proof())
    change(parts)
    with pytest.raises(NotProvenError, match=what):
        check(json.dumps(parts).encode(), [VERIFIER])


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'"x"', b'{"v":1,"events":3}', b"\xff"])
def test_what_is_no_proof_does_not_hold(raw: bytes) -> None:
    with pytest.raises(NotProvenError, match="not a proof"):
        check(raw, [VERIFIER])


def test_a_proof_under_anothers_key_does_not_hold() -> None:
    with pytest.raises(NotProvenError, match="none of the keys"):
        check(proof(), [Verifier("panlock-sealer", STRANGER.key.public_key())])


def test_a_checkpoint_that_the_manifest_does_not_name_does_not_hold() -> None:
    with pytest.raises(NotProvenError, match="the manifest does not name"):
        check(proof(logs=(Checkpoint(LOG, 3, bytes(32)),)), [VERIFIER])
