"""A proof's claims, from events that a lane wrote: who wrote and who decided is proven by their own signatures alone;
whatever part of the proof is changed or left out, it does not hold."""

# ruff: noqa: E501  # tables

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from panlock_kernel import Keyring

from deploy.dev.ca import DevelopmentCA
from deploy.dev.tsa import answer, make_authority
from pipeline.approval.decision import sign_message
from pipeline.approval.grant import GrantProposal, GrantWord, rule_sha256
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.claims.attested import NOBODY, Others
from pipeline.audit.claims.material import NotProvenError
from pipeline.audit.cosignature import Witness, cosign
from pipeline.audit.events import timestamp
from pipeline.audit.life import Life
from pipeline.audit.manifest import Manifest
from pipeline.audit.merkle import leaf_hashes, root_of, roots_of
from pipeline.audit.note import Verifier as NoteVerifier
from pipeline.audit.note import sign
from pipeline.audit.proof import Checked, Trusted, check, prove
from pipeline.audit.signature import keys_of
from pipeline.audit.timestamp import stamp_request
from pipeline.enforce import enforce
from pipeline.identity.envelope import Place
from pipeline.identity.verifier import Verifier
from pipeline.opening import opened
from pipeline.policy.bundle import Bundle, bundle_of
from pipeline.policy.topics import AUDIT, DECISIONS
from pipeline.source import sources
from tests.audit_keys import POLICY as AUDIT_KEYS
from tests.audit_keys import SEALER, STRANGER, WORKER
from tests.lane import KEYS, MemoryLane, fetched, jwk
from tests.sessions import ISSUER, OBSERVED, session
from tests.signing import Pod

NOW = int((time.time() + 1800) * 1000)  # within the life of the certificates that are issued when these tests begin
TOPIC, UUID = "quarantine.payments.checkout", bytes(range(16))
LOG = "cluster/panlock.audit/0"
RECORD, PLAIN, GRANTED = f"{TOPIC}/0/0", "quarantine.payments.legacy/0/0", f"{TOPIC}/0/1"
WITNESS = Witness("w1", STRANGER.key.public_key())
SEALERS = NoteVerifier("panlock-sealer", SEALER.key.public_key())
POLICY = f"""
version: 1
lanes: 1
authorities: [ca.pem]
principals:
  checkout: {{spiffe: spiffe://dev.panlock/checkout, identity: signed, owners: [ben@pay.example]}}
  legacy: {{spiffe: spiffe://dev.panlock/legacy}}
people:
  cem@pay.example: {{certificate: cem, roles: [payments-approvers], keys: [{jwk("cem")}]}}
issuers:
  corporate: {{issuer: "{ISSUER}", client_id: panlock, acr: [mfa, hwk]}}
flows:
  payments:
    producers: [checkout, legacy]
    partitions: 1
    hold:
      - {{id: large, when: 'has(record.amount)', reason: large, approvers: [payments-approvers], quorum: 2,
         requester: none, requester_reason: a test}}
{AUDIT_KEYS.rstrip()[:-1]}, witnesses: ["{WITNESS}"], timestamp_authorities: [tsa.pem]}}
"""
ANA = session("ana@pay.example", 1, iat=NOW // 1000 - 60, auth_time=NOW // 1000 - 60)


def text_id(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


class Proving(MemoryLane):
    """A lane whose records are signed and whose events a worker signs."""

    def __init__(self, ca: DevelopmentCA, tsa: Path) -> None:
        pem, self.tsa = ca.certificate.read_bytes(), tsa
        files = {"ca.pem": pem, "tsa.pem": (tsa / "ca.pem").read_bytes()}
        self.bundle = bundle_of(POLICY.encode(), files, "policy.yaml")
        super().__init__(POLICY, signer=WORKER)
        made = Verifier(x509.load_pem_x509_certificates(pem))
        found = sources(self.bundle.policy, Keyring({"k1": bytes(32)}, "k1"), verifier=made)
        ids = {each: text_id(UUID) for each in (*found, DECISIONS)}
        self.context = replace(self.context, topic_ids=ids, sources=found)
        self.pod = Pod("checkout", ca.issue("checkout"))
        effects = opened(self.state, self.context, NOW, {}, None)
        self.state.apply(effects)
        self.out.setdefault(AUDIT, []).extend(effects.sends[AUDIT, 0])

    def write(self, value: bytes, topic: str = TOPIC) -> None:
        offset = self.offsets.get(topic, 0)
        self.offsets[topic] = offset + 1
        place = Place("cluster", UUID, 0)
        (written,) = self.pod.write(place, NOW, (b"k%d" % offset, value)) if topic == TOPIC else [(b"k", value, ())]
        enforced = enforce(self.context.sources[topic], 0, [fetched(offset, NOW, *written)], offset + 1, place)
        self.batch([enforced], NOW)

    def say(self, *messages: bytes) -> None:
        self.messages(*messages, observed=OBSERVED, at=NOW)

    def decide(self, who: Any, decision: str = "approve") -> bytes:
        return self.sign(who, decision=decision, topic_id=text_id(UUID), iat=NOW // 1000)


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory) -> Proving:
    """A signed record released by two people, one of an issuer; one of a plain producer; one under a grant."""
    make_authority(tsa := tmp_path_factory.mktemp("tsa"))
    made = Proving(DevelopmentCA(tmp_path_factory.mktemp("ca")), tsa)
    made.write(b'{"amount":1}')
    made.say(made.decide(ANA), made.decide("cem"))
    made.write(b"{}", "quarantine.payments.legacy")
    (rule,) = made.policy.flows["payments"].hold
    proposal = GrantProposal("cluster", text_id(UUID), "payments", "large", rule_sha256("payments", "json", rule),
                             "true", 5, NOW + 60_000, "night run", "j1", NOW // 1000)  # fmt: skip
    words = [GrantWord("cluster", text_id(UUID), proposal.id, "approve", "yes", f"j{n}", NOW // 1000) for n in (2, 3)]
    dee = session("dee@pay.example", 4, iat=NOW // 1000 - 60, auth_time=NOW // 1000 - 60)
    made.say(sign_message(dee, proposal), sign_message(ANA, words[0]), sign_message(KEYS["cem"], words[1]))
    made.write(b'{"amount":2}')
    assert [kind for kind, _ in made.told() if kind.startswith("record.")] == [
        "record.held", "record.released", "record.released", "record.released",
    ]  # fmt: skip
    return made


def trusted(bundle: Bundle) -> Trusted:
    return Trusted([SEALERS], keys_of(bundle.policy.audit.worker_keys), bundle)


def proof(lane: Proving, record: str = RECORD) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(_proof(lane, record))
    return made


@cache
def _proof(lane: Proving, record: str) -> str:
    """An authority never stamps the same twice."""
    events = [out.value or b"" for out in lane.out[AUDIT]]
    return json.dumps(proof_of(events, lane.bundle, record, others(lane, events, len(events) - 1)))


def others(lane: Proving, events: Sequence[bytes], size: int, stamped: int | None = None) -> Others:
    """A witness cosigned the log at that size, and an authority stamped a manifest of it."""
    at = [Checkpoint(LOG, each, root_of(leaf_hashes(events[:each]))) for each in (size, stamped or size)]
    cosigned = note(at[0].text()).decode() + cosign(at[0].text(), "w1", STRANGER.key, NOW // 1000)
    manifest = note(Manifest("cluster", timestamp(NOW).decode(), (at[1],)).text())
    return Others(cosigned.encode(), (manifest, answer(lane.tsa, stamp_request(manifest).as_bytes())))


def note(text: str) -> bytes:
    return sign(text, "panlock-sealer", SEALER.key).encode()


def proof_of(events: Sequence[bytes], bundle: Bundle, record: str, by: Others = NOBODY) -> dict[str, Any]:
    life, leaves = Life(record, [bundle]), leaf_hashes(events)
    for seq, event in enumerate(events):
        life.add(seq, event)
    checkpoint = Checkpoint(LOG, len(events), root_of(leaves))
    manifest = note(Manifest("cluster", timestamp(NOW).decode(), (checkpoint,)).text())
    made = prove(life, note(checkpoint.text()), manifest, roots_of(leaves), [SEALERS], by)
    parsed: dict[str, Any] = json.loads(made)
    return parsed


def checked(lane: Proving, made: dict[str, Any]) -> Checked:
    return check(json.dumps(made).encode(), trusted(lane.bundle))


def told(found: Checked, proven: bool) -> list[str]:
    types = {"": "", **{event["id"]: event["type"] for event in found.events}}
    return [f"{types[each.event]}: {each.what.split(' ')[0]}" for each in found.claims if each.proven is proven]


def test_who_wrote_and_who_decided_is_proven_by_their_own_signatures(lane: Proving) -> None:
    found = checked(lane, proof(lane))
    assert [event["type"] for event in found.events] == [
        "lane.opened", "certificate.seen", "record.held", "approver.keys-observed", "decision.accepted",
        "decision.accepted", "record.released",
    ]  # fmt: skip
    assert told(found, True) == [
        "lane.opened: the", "record.held: the", "record.held: checkout", "record.held: certificate",
        "decision.accepted: ana@pay.example", "decision.accepted: cem@pay.example", "record.released: the",
        "record.released: checkout", "record.released: certificate", "record.released: released", ": nobody", ": the",
    ]  # fmt: skip
    assert told(found, False) == [f"decision.accepted: {ISSUER}"]


def test_what_others_signed_counts_as_far_as_it_goes(lane: Proving) -> None:
    events = [out.value or b"" for out in lane.out[AUDIT]]
    last = checked(lane, proof(lane)).events[-1]["seq"]

    def proven(size: int, stamped: int) -> list[bool]:
        found = checked(lane, proof_of(events, lane.bundle, RECORD, others(lane, events, size, stamped)))
        return [each.proven for each in found.claims if not each.event]

    assert proven(last + 1, last + 1) == [True, True]
    assert proven(last, last + 1) == [False, True]
    assert proven(last + 1, last) == [True, False]
    assert [each.proven for each in checked(lane, proof_of(events, lane.bundle, RECORD)).claims if not each.event] == [
        False, False,
    ]  # fmt: skip


def test_a_history_that_witnesses_or_an_authority_never_saw_is_another(lane: Proving) -> None:
    events = [out.value or b"" for out in lane.out[AUDIT]]
    cut = len(events) - 1
    other = others(lane, [b"another", *events[1:]], cut)
    for by in (Others(other.cosigned), Others(None, other.stamped)):
        with pytest.raises(NotProvenError, match="another history"):
            checked(lane, proof_of(events, lane.bundle, RECORD, by))


def test_what_a_plain_producer_wrote_is_attested_by_the_brokers(lane: Proving) -> None:
    found = checked(lane, proof(lane, PLAIN))
    assert told(found, False) == ["record.released: written"]
    assert "brokers" in next(each.by for each in found.claims if not each.proven)


def test_a_record_under_a_grant_is_proven_by_those_who_opened_it(lane: Proving) -> None:
    found = checked(lane, proof(lane, GRANTED))
    assert [kind for event in found.events if (kind := event["type"]).startswith("grant.")] == [
        "grant.proposed", "grant.approved", "grant.approved", "grant.opened",
    ]  # fmt: skip
    assert "record.released: released" in told(found, True)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every member of a proof, however deep."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield (*path, name)
        yield from places(each, (*path, name))


@pytest.mark.parametrize("record", [RECORD, PLAIN, GRANTED])
def test_a_proof_that_lacks_any_member_does_not_hold(lane: Proving, record: str) -> None:
    """But a record's last event: without it, its life is proven as far as it was then."""
    whole = proof(lane, record)
    for *path, last in places(whole):
        if record == RECORD and (path, last) == (["events"], len(whole["events"]) - 1):
            continue
        made = deepcopy(whole)
        inner: Any = made
        for name in path:
            inner = inner[name]
        del inner[last]
        with pytest.raises(NotProvenError):
            checked(lane, made)


@settings(deadline=None)
@given(st.data())
def test_a_proof_with_any_member_changed_does_not_hold(lane: Proving, data: st.DataObject) -> None:
    made = proof(lane, data.draw(st.sampled_from([RECORD, PLAIN, GRANTED])))
    *path, last = data.draw(st.sampled_from(sorted(places(made), key=str)))
    assume((*path, last)[:2] not in [("cosigned", "note"), ("timestamp", "response")])  # below
    inner: Any = made
    for name in path:
        inner = inner[name]
    value = inner[last]
    if isinstance(value, str):
        at = data.draw(st.integers(0, len(value) - 1))
        inner[last] = value[:at] + data.draw(st.characters(codec="utf-8").filter(value[at].__ne__)) + value[at + 1 :]
    elif isinstance(value, int):
        inner[last] = value + data.draw(st.integers(1, 9))
    elif isinstance(value, list):
        value.append(deepcopy(value[-1]) if value else "AAAA")
    else:
        inner[last] = data.draw(st.sampled_from([{}, [], 1, "x"]))
    with pytest.raises(NotProvenError):
        checked(lane, made)


@settings(deadline=None)
@given(st.data())
def test_what_others_signed_proves_nothing_more_where_it_is_changed(lane: Proving, data: st.DataObject) -> None:
    """A cosignature may become a stranger's line, and an authority does not sign all of its answer."""
    made = proof(lane)
    member, name = data.draw(st.sampled_from([("cosigned", "note"), ("timestamp", "response")]))
    value = made[member][name]
    at = data.draw(st.integers(0, len(value) - 1))
    made[member][name] = value[:at] + data.draw(st.characters(codec="ascii").filter(value[at].__ne__)) + value[at + 1 :]
    try:
        found = checked(lane, made)
    except NotProvenError:
        return
    assert set(told(found, True)) <= set(told(checked(lane, proof(lane)), True))


def forged(lane: Proving, change: Any) -> list[bytes]:
    """The lane's events, one of them changed by whoever holds the workers' and the sealer's keys: sealed as they are."""
    events = [json.loads(out.value or b"") for out in lane.out[AUDIT]]
    for event in events:
        event.pop("signature", None)
        change(event)
    return [json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() for event in events]


def of_type(*types: str) -> Any:
    return lambda event: event["type"] in types


FORGED: dict[str, tuple[str, Any, Any]] = {
    "another content": ("not a signature", of_type("record.held"), lambda e: e.update(content="00" * 32)),
    "another principal": ("is checkout's", of_type("record.held"), lambda e: e["actor"].update(principal="legacy")),
    "another topic id": ("not a signature", of_type("lane.opened"), lambda e: e["topics"].update({TOPIC: text_id(bytes(16))})),
    "a certificate of nobody": ("does not lead to", of_type("certificate.seen"), lambda e: e["certificate"].update(chain=["AAAA"])),
    "another word": ("tells something else", of_type("decision.accepted"), lambda e: e["approval"].update(decision="deny")),
    "another person": ("tells something else", of_type("decision.accepted"), lambda e: e["actor"].update(person="eve@pay.example")),
    "other bytes": ("tells something else", of_type("decision.accepted"), lambda e: e["resource"].update(sha256="00" * 32)),
    "bytes that were not held": ("other bytes than were held", of_type("record.held"), lambda e: e["resource"].update(sha256="00" * 32)),
    "a message of another": ("does not count: bad-signature", of_type("decision.accepted"), lambda e: e["proof"].update(message="e30.e30.e30")),
    "read too late": ("does not count: token-stale", of_type("decision.accepted"), lambda e: e["proof"].update(received="2030-01-01T00:00:00.000Z")),
    "other keys": ("hash that it names", of_type("approver.keys-observed"), lambda e: e["keys"][0].update(e="AQAB", n=e["keys"][0]["n"][:-4] + "AAAA")),
    "more people": ("and the proof has the words of", of_type("record.released"), lambda e: e["approval"].update(people=["ana@pay.example", "eve@pay.example"])),
    "too few people": ("2 are needed", of_type("record.released"), lambda e: e["approval"].update(people=["ana@pay.example"])),
    "another rule": ("under its rule", of_type("record.released"), lambda e: e["approval"].update(rule="small")),
    "another form": ("another form", of_type("decision.accepted"), lambda e: e.update(proof={"message": 1, "received": "x"})),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_who_holds_workers_and_sealers_keys_cannot_say_that_others_said_it(lane: Proving, name: str) -> None:
    what, wanted, change = FORGED[name]

    def one(event: dict[str, Any]) -> None:
        resource = event.get("resource") or {}
        if wanted(event) and resource.get("record", RECORD) == RECORD:
            change(event)

    made = proof_of(forged(lane, one), lane.bundle, RECORD)
    with pytest.raises(NotProvenError, match=what):
        checked(lane, made)


def test_an_owner_and_somebody_without_the_role_do_not_count(lane: Proving) -> None:
    policy = POLICY.replace("roles: [payments-approvers], keys", "roles: [others], keys")
    other = bundle_of(policy.encode(), lane.bundle.files, "policy.yaml")
    events = forged(lane, lambda event: event.update(policy=other.policy.hash))
    with pytest.raises(NotProvenError, match="none of the roles"):
        check(json.dumps(proof_of(events, other, RECORD)).encode(), trusted(other))
    other = bundle_of(POLICY.replace("ben@", "cem@").encode(), lane.bundle.files, "policy.yaml")
    events = forged(lane, lambda event: event.update(policy=other.policy.hash))
    with pytest.raises(NotProvenError, match="owns checkout"):
        check(json.dumps(proof_of(events, other, RECORD)).encode(), trusted(other))


def test_a_policy_of_another_time_needs_its_files_from_elsewhere(lane: Proving, tmp_path_factory: Any) -> None:
    pem = DevelopmentCA(tmp_path_factory.mktemp("other")).certificate.read_bytes()
    files = {**lane.bundle.files, "ca.pem": pem}
    newer = bundle_of(POLICY.replace("version: 1", "version: 2").encode(), files, "policy.yaml")
    made = json.dumps(proof(lane)).encode()
    with pytest.raises(NotProvenError, match="no event names its files"):
        check(made, trusted(newer))
    same = bundle_of(newer.text, lane.bundle.files, "policy.yaml")
    assert check(made, trusted(same)).record == RECORD


def test_a_life_under_a_policy_that_nobody_has_is_not_written(lane: Proving) -> None:
    life = Life(RECORD)
    for seq, out in enumerate(lane.out[AUDIT]):
        life.add(seq, out.value or b"")
    with pytest.raises(NotProvenError, match="name that policy with --policy"):
        life.all()
