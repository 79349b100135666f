"""Every kind of weakening that docs/policy.md tells of, provoked by one change; and changes that make nothing weaker."""

# ruff: noqa: E501  # tables

import re
from pathlib import Path

import pytest

from pipeline.policy.bundle import Bundle, bundle_of
from pipeline.policy.weaker import Weakening, weakenings
from tests.audit_keys import SEALER, STRANGER, jwk
from tests.changing import person

DOCS = (Path(__file__).parents[2] / "docs" / "policy.md").read_text().split("### What gets weaker")[1]
DUTY = "".join(person(name, "duty").replace("keys: [{", "keys: [{'hardware': true, ") for name in ("flo", "gus"))
GLASS = "break_glass: {roles: [duty], reviewers: [approvers]}\n"
AUDIT = f"audit: {{sealer_keys: [{jwk(SEALER)}]}}\n"
POLICY = (
    """\
version: 1
principals:
  checkout: {spiffe: spiffe://pay.example/checkout, identity: header, owners: [ben@pay.example]}
  refunds: {spiffe: spiffe://pay.example/refunds}
people:
"""
    + "".join(person(name, "approvers") for name in ("ana", "ben", "cy", "dee"))
    + person("eve", "guests")
    + DUTY
    + """\
roles: {auditors: [panlock-auditor]}
denied: {people: [mallory@pay.example], serials: [4d2]}
"""
    + AUDIT
    + """\
break_glass: {roles: [duty], reviewers: [approvers]}
issuers: {idp: {issuer: "https://id.pay.example", client_id: panlock, acr: [mfa], max_age: 15m}}
policy_approvers: {roles: [approvers], quorum: 2}
token_domains: {cards: {key: k1}, loyalty: {key: k1}}
truncation: 6+4
flows:
  payments:
    producers: [checkout]
    consumers: [ledger]
    clean: {topic: payments}
    ordering: key
    repartition: masked
    retention: 7d
    schema: closed
    scan: {pan: token, sad: drop, iban: redact, key: token}
    allow: [$.id]
    fields:
      - {path: $.card.number, class: pan, strategy: token, domain: cards}
      - {path: $.card.cvv, class: sad}
      - {path: $.card.old, class: pan, strategy: fpe}
      - {path: $.note, class: clear}
    hold:
      - {id: large, when: has(record.a), reason: large, approvers: [approvers], quorum: 2, expires: 4h, requester: $.by}
      - {id: odd, when: has(record.b), reason: odd, approvers: [approvers], quorum: 1, expires: 4h, requester: $.by}
"""
)
POLICY += """\
  cards:
    producers: [checkout]
    clean: {topic: cards}
    recording: {mode: masked, retention: 90d, approvers: [approvers], quorum: 2}
    fields: []
"""
ANA = person("ana", "approvers")
LARGE = "      - {id: large, when: has(record.a), reason: large, approvers: [approvers], quorum: 2, expires: 4h, requester: $.by}\n"
ODD = "      - {id: odd, when: has(record.b), reason: odd, approvers: [approvers], quorum: 1, expires: 4h, requester: $.by}\n"
NEW = "      - {id: new, when: has(record.c), reason: new, approvers: [approvers], quorum: 1, expires: 4h, requester: $.by}\n"
STRICT = "      - {id: strict, when: has(record.c), reason: new, approvers: [approvers], quorum: 3, expires: 1h, requester: $.by}\n"
CVV = "      - {path: $.card.cvv, class: sad}\n"
RULE = "      - {path: $.%s, class: %s}\n"
FLOW = "  other: {producers: [refunds], clean: {topic: other}}\n"

WEAKER = {
    "an allow-list grows": ("[$.id]", "[$.id, $.ref]", "allow-wider", "flows.payments.allow"),
    "a closed schema lets a field in": (CVV, CVV + RULE % ("ref", "clear"), "allow-wider", "flows.payments.fields[$.ref]"),
    "a person gets a rule's role": ("roles: [guests]", "roles: [approvers]", "approvers-wider", "flows.payments.hold[large].approvers"),
    "another key signs the audit": ("audit: {", f"audit: {{worker_keys: [{jwk(STRANGER)}], ", "audit-key-added", "audit.worker_keys"),
    "nobody signs checkpoints": (AUDIT, "", "audit-keys-removed", "audit.sealer_keys"),
    "a certificate becomes an auditor's": ("[panlock-auditor]", "[panlock-auditor, spy]", "certificate-added", "roles.auditors"),
    "a person has another certificate": ("certificate: eve", "certificate: eve2", "certificate-changed", "people.eve@pay.example.certificate"),
    "a field is no account number any more": ("{path: $.card.number, class: pan, strategy: token, domain: cards}", "{path: $.card.number, class: expiry}", "class-changed", "flows.payments.fields[$.card.number].class"),
    "the clean topic is another": ("topic: payments}", "topic: payments2}", "clean-topic-changed", "flows.payments.clean.topic"),
    "a rule has another condition": ("has(record.a)", "has(record.z)", "condition-changed", "flows.payments.hold[large].when"),
    "somebody more reads": ("[ledger]", "[ledger, shop]", "consumer-added", "flows.payments.consumers"),
    "somebody more writes": ("producers: [checkout]", "producers: [checkout, refunds]", "producer-added", "flows.payments.producers"),
    "a field's tokens are another domain's": ("domain: cards}", "domain: loyalty}", "domain-changed", "flows.payments.fields[$.card.number].domain"),
    "a domain's key is another": ("cards: {key: k1}", "cards: {key: k0}", "domain-changed", "token_domains.cards.key"),
    "a hold lasts longer": ("quorum: 2, expires: 4h", "quorum: 2, expires: 5h", "expires-longer", "flows.payments.hold[large].expires"),
    "a field rule goes": (CVV, "", "field-rule-removed", "flows.payments.fields[$.card.cvv]"),
    "a flow is recorded": ("    ordering: key\n", "    ordering: key\n    recording: masked\n", "recording-weaker", "flows.payments.recording.mode"),
    "recordings are kept longer": ("retention: 90d", "retention: 91d", "life-longer", "flows.cards.recording.retention"),
    "a replay takes nobody's word": (", approvers: [approvers], quorum: 2}", "}", "recording-weaker", "flows.cards.recording.approvers"),
    "a replay takes others' word": ("masked, retention: 90d, approvers: [approvers]", "masked, retention: 90d, approvers: [approvers, guests]", "recording-weaker", "flows.cards.recording.approvers"),
    "a replay takes fewer words": ("approvers: [approvers], quorum: 2}\n    fields", "approvers: [approvers], quorum: 1}\n    fields", "recording-weaker", "flows.cards.recording.quorum"),
    "a person replays": ("roles: [guests]", "roles: [guests, replayers]", "role-wider", "people"),
    "a flow comes": ("flows:\n", "flows:\n" + FLOW, "flow-added", "flows.other"),
    "a laxer rule comes first": (LARGE, NEW + LARGE, "hold-rule-before", "flows.payments.hold[new]"),
    "rules change places": (LARGE + ODD, ODD + LARGE, "hold-rules-reordered", "flows.payments.hold"),
    "a hold rule goes": (ODD, "", "hold-rule-removed", "flows.payments.hold[odd]"),
    "an identity is the broker's word": ("identity: header", "identity: broker", "identity-weaker", "principals.checkout.identity"),
    "a person has another key": (ANA, ANA.replace("keys: [", "keys: [{'kty': 'OKP', 'crv': 'Ed25519', 'x': '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'}, "), "key-added", "people.ana@pay.example.keys"),
    "quarantine keeps longer": ("retention: 7d", "retention: 8d", "life-longer", "flows.payments.retention"),
    "old records are accepted for longer": ("retention: 7d", "retention: 7d\n    window: 20m", "life-longer", "flows.payments.window"),
    "clean keeps longer": ("topic: payments}", "topic: payments, retention: 20d}", "life-longer", "flows.payments.clean.retention"),
    "records pass a held one": ("ordering: key", "ordering: none", "ordering-weaker", "flows.payments.ordering"),
    "an owner is none any more": (", owners: [ben@pay.example]", "", "owner-removed", "principals.checkout.owners"),
    "more people review broken glass": ("reviewers: [approvers]", "reviewers: [approvers, guests]", "break-glass-wider", "break_glass.reviewers"),
    "more people break glass": (person("eve", "guests"), person("eve", "guests").replace("[guests]", "[guests, duty]"), "break-glass-wider", "people"),
    "nobody is asked about policies": ("policy_approvers: {roles: [approvers], quorum: 2}\n", "", "policy-approvers-removed", "policy_approvers"),
    "more people change policies": ("policy_approvers: {roles: [approvers]", "policy_approvers: {roles: [approvers, guests]", "policy-approvers-wider", "policy_approvers.roles"),
    "fewer people change policies": ("[approvers], quorum: 2}\ntoken", "[approvers], quorum: 1}\ntoken", "policy-quorum-lower", "policy_approvers.quorum"),
    "another issuer": ("issuers: {", "issuers: {two: {issuer: 'https://id2.pay.example', client_id: p}, ", "issuer-added", "issuers.two"),
    "the issuer is another": ("https://id.pay.example", "https://id.pay2.example", "issuer-changed", "issuers.idp.issuer"),
    "the client is another": ("client_id: panlock", "client_id: other", "issuer-changed", "issuers.idp.client_id"),
    "the groups are another claim": ("client_id: panlock", "client_id: panlock, groups_claim: teams", "issuer-changed", "issuers.idp.groups_claim"),
    "a device client comes": ("client_id: panlock", "client_id: panlock, device_client_id: d", "issuer-changed", "issuers.idp.device_client_id"),
    "any sign-in will do": ("acr: [mfa], ", "", "sign-in-weaker", "issuers.idp.acr"),
    "a password will do": ("acr: [mfa]", "acr: [mfa, pwd]", "sign-in-weaker", "issuers.idp.acr"),
    "another algorithm signs": ("acr: [mfa]", "acr: [mfa], algorithms: [RS256, ES256]", "sign-in-weaker", "issuers.idp.algorithms"),
    "a sign-in lasts longer": ("max_age: 15m", "max_age: 20m", "life-longer", "issuers.idp.max_age"),
    "a person is refused no more": ("people: [mallory@pay.example], ", "", "denial-removed", "denied.people"),
    "a serial is refused no more": (", serials: [4d2]", "", "denial-removed", "denied.serials"),
    "a phone may decide": ("quorum: 2, expires: 4h", "quorum: 2, device_flow: allow, expires: 4h", "device-flow-allowed", "flows.payments.hold[large].device_flow"),
    "the requester is another": ("expires: 4h, requester: $.by}", "expires: 4h, requester: $.for}", "requester-changed", "flows.payments.hold[large].requester"),
    "a rule's quorum is lower": ("quorum: 2, expires", "quorum: 1, expires", "quorum-lower", "flows.payments.hold[large].quorum"),
    "values are read otherwise": ("    ordering: key\n", "    ordering: key\n    csv: {delimiter: ';'}\n", "reading-changed", "flows.payments.csv"),
    "partitions tell of keys": ("repartition: masked", "repartition: off", "repartition-weaker", "flows.payments.repartition"),
    "a person becomes an operator": ("roles: [guests]", "roles: [guests, operators]", "role-wider", "people"),
    "the scan leaves digits": ("pan: token", "pan: partial", "scan-weaker", "flows.payments.scan.pan"),
    "the scan keeps authentication data's place": ("sad: drop", "sad: redact", "scan-weaker", "flows.payments.scan.sad"),
    "the scan leaves IBANs": ("iban: redact", "iban: off", "scan-weaker", "flows.payments.scan.iban"),
    "the scan leaves keys": ("key: token}\n    allow", "key: fpe}\n    allow", "scan-weaker", "flows.payments.scan.key"),
    "the schema opens": ("schema: closed", "schema: open", "schema-weaker", "flows.payments.schema"),
    "a principal is another": ("example/refunds", "example/refunds2", "spiffe-changed", "principals.refunds.spiffe"),
    "a principal is a client": ("{spiffe: spiffe://pay.example/refunds}", "{oidc: {issuer: idp, subject: refunds}}", "oidc-changed", "principals.refunds.oidc"),
    "a field keeps digits": ("strategy: token, domain: cards", "strategy: partial, domain: cards", "strategy-weaker", "flows.payments.fields[$.card.number].strategy"),
    "a fallback keeps digits": ("strategy: fpe", "strategy: fpe, fallback: partial", "strategy-weaker", "flows.payments.fields[$.card.old].fallback"),
    "partial shows more": ("6+4", "8+4", "truncation-weaker", "truncation"),
}  # fmt: skip
LATER = {
    "authority-added",
    "authority-changed",
    "authorities-removed",
    "quarantine-weaker",
    "unranked",
    "witness-weaker",
}

STRICTER = {
    "nothing": ("version: 1", "version: 2"),
    "a rule is stricter": ("quorum: 2, expires: 4h", "quorum: 3, expires: 1h"),
    "a stricter rule comes first": (LARGE, STRICT + LARGE),
    "a rule comes last": (ODD, ODD + NEW),
    "an approver goes": (person("dee", "approvers"), ""),
    "a consumer goes": ("[ledger]", "[]"),
    "the allow-list goes": ("[$.id]", "[]"),
    "the scan leaves less": ("pan: token", "pan: redact"),
    "a field leaves less": ("strategy: token, domain: cards", "strategy: drop, domain: cards"),
    "a field becomes authentication data": ("{path: $.card.number, class: pan, strategy: token, domain: cards}", "{path: $.card.number, class: sad}"),
    "identity is asked for": ("spiffe://pay.example/refunds}", "spiffe://pay.example/refunds, identity: header}"),
    "a key is rotated": ("cards: {key: k1}", "cards: {key: k2, previous: k1, dual: true}"),
    "retention is shorter": ("retention: 7d", "retention: 2d"),
    "fewer digits": ("6+4", "0+4"),
    "policies take more people": ("[approvers], quorum: 2}\ntoken", "[approvers], quorum: 3}\ntoken"),
    "a sign-in is shorter": ("max_age: 15m", "max_age: 5m"),
    "an owner more": ("[ben@pay.example]", "[ben@pay.example, cy@pay.example]"),
    "a reason": ("reason: large", "reason: very large"),
    "a key of a person goes": (person("eve", "guests"), "  eve@pay.example: {certificate: eve, roles: [guests]}\n"),
}  # fmt: skip


def of(text: str) -> Bundle:
    return bundle_of(text.encode(), {}, "policy.yaml")


def found(old: str, new: str) -> list[Weakening]:
    assert old in POLICY, old
    return weakenings(of(POLICY), of(POLICY.replace(old, new, 1)))


@pytest.mark.parametrize("name", [name for name, each in WEAKER.items() if each[2]])
def test_a_weakening_is_told_with_its_place(name: str) -> None:
    old, new, kind, place = WEAKER[name]
    assert (kind, place) in {(each.kind, each.field) for each in found(old, new)}


@pytest.mark.parametrize("name", STRICTER)
def test_what_is_stricter_tells_nothing(name: str) -> None:
    assert found(*STRICTER[name]) == []


def test_to_let_two_people_break_glass_is_told_and_to_let_none_is_not() -> None:
    with_, without = of(POLICY), of(POLICY.replace(GLASS, ""))
    assert [each.kind for each in weakenings(without, with_)] == ["break-glass-added"]
    assert weakenings(with_, without) == []


def test_every_kind_is_provoked_and_told_in_the_docs() -> None:
    told = {
        kind for row in re.findall(r"^\| (`[^|]+`) \|", DOCS, re.MULTILINE) for kind in re.findall(r"`([a-z-]+)`", row)
    }
    assert {each[2] for each in WEAKER.values() if each[2]} | LATER | {"break-glass-added"} == told


def test_another_authority_is_told() -> None:
    plain = of(POLICY)
    text = POLICY.replace("issuers:", "authorities: [ca.pem]\nissuers:", 1).encode()
    one, two = (bundle_of(text, {"ca.pem": content}, "policy.yaml") for content in (b"one", b"two"))
    kinds = [[each.kind for each in weakenings(*pair)] for pair in ((plain, one), (one, two), (one, plain), (one, one))]
    assert kinds == [["authority-added"], ["authority-changed"], ["authorities-removed"], []]


def test_a_key_that_nobody_has_ranked_is_told_when_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.policy.weaker.flows._NEUTRAL", {"max_message_bytes"})
    assert [each.kind for each in found("    ordering: key\n", "    ordering: key\n    partitions: 24\n")] == [
        "unranked"
    ]


@pytest.mark.parametrize(("key", "old", "new", "kind"), [
    ("quarantine", "sealed", "clear", "quarantine-weaker"),
])  # fmt: skip
def test_what_this_release_may_not_yet_say_is_ranked(key: str, old: str, new: str, kind: str) -> None:
    """Straight on the model: the words may come later than the ranking."""
    before, after = of(POLICY), of(POLICY)
    for each, word in ((before, old), (after, new)):
        object.__setattr__(each.policy.flows["payments"], key, word)
    assert [each.kind for each in weakenings(before, after)] == [kind]
    assert weakenings(after, before) == []
