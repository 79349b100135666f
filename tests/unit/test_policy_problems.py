"""Every way a policy can be wrong: located, named, with a remedy, and all of them at once."""

# ruff: noqa: E501  # a table: one mistake a line

import re
from pathlib import Path

import pytest

from pipeline.policy import PolicyError, Problem, load_policy, parse_policy
from tests.policy_text import EC_KEY, OTHER_KEY, POLICY, THIRD_KEY


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(PolicyError) as raised:
        parse_policy(text, "p.yaml")
    return raised.value.problems


def changed(old: str, new: str) -> str:
    assert POLICY.count(old) >= 1, old
    return POLICY.replace(old, new, 1)


# (what is replaced, by what, field, words of the problem, words of the remedy)
ONE = {
    "unknown key": ("lanes: 8", "lanes: 8\nlane: 8", "lane", "no key", "did you mean `lanes`"),
    "unknown key far from any": ("scan:", "zzz: 1\n    scan:", "flows.payments.zzz", "no key", "producers, consumers"),
    "unknown key of a rule": ("quorum: 2", "quorum: 2\n        qorum: 1", "flows.payments.hold[0].qorum", "no key", "quorum"),
    "unknown role of certificates": ("people:", "roles: {worker: [w]}\npeople:", "roles.worker", "no key", "`workers`"),
    "key twice": ("lanes: 8", "lanes: 8\nlanes: 9", "lanes", "twice, first in line", "keep one"),
    "principal twice": (
        "  refunds:", "  checkout: {spiffe: spiffe://a/b}\n  refunds:", "principals.checkout", "twice", "keep one",
    ),
    "version missing": ("version: 1\n", "", "version", "missing", "add it"),
    "version zero": ("version: 1", "version: 0", "version", "`0` is out of bounds", "at least 1"),
    "version as text": ("version: 1", "version: '1'", "version", "not a whole number", "whole number"),
    "lanes true": ("lanes: 8", "lanes: true", "lanes", "`true` is not a whole number", "whole number"),
    "lanes too many": ("lanes: 8", "lanes: 513", "lanes", "out of bounds", "at most 512"),
    "lanes zero": ("lanes: 8", "lanes: 0", "lanes", "out of bounds", "at least 1"),
    "partitions zero": ("partitions: 12", "partitions: 0", "flows.payments.partitions", "out of bounds", "at least 1"),
    "partitions half": ("partitions: 12", "partitions: 1.5", "flows.payments.partitions", "not a whole number", "whole"),
    "application": ("application: panlock", "application: Pan_lock", "application", "is no name", "a-z, 0-9 and -"),
    "flow name": ("  payments:", "  pay.ments:", "flows.pay.ments", "is no name", "a-z, 0-9 and -"),
    "flow name empty": ("  payments:", "  '':", "flows.", "is no name", "a-z"),
    "rule id": ("id: large-refund", "id: Large", "flows.payments.hold[0].id", "is no name", "a-z"),
    "role name": ("[payments-approvers, operators]", "[payments-approvers, Boss]", "people.cy@pay.example.roles[1]", "no name", "a-z"),
    "no producers": ("producers: [checkout, refunds]", "producers: []", "flows.payments.producers", "is empty", "at least one"),
    "producers as text": ("producers: [checkout, refunds]", "producers: checkout", "flows.payments.producers", "not a list", "write a list"),
    "producer unknown": ("[checkout, refunds]", "[checkout, refund]", "flows.payments.producers[1]", "`refund` is no principal", "add it"),
    "producer twice": ("[checkout, refunds]", "[checkout, checkout]", "flows.payments.producers[1]", "stands twice", "keep one"),
    "spiffe missing": ("{spiffe: spiffe://pay.example/refunds, identity: header}", "{}", "principals.refunds.spiffe", "missing", "add"),
    "spiffe malformed": ("spiffe://pay.example/refunds", "https://pay.example/refunds", "principals.refunds.spiffe", "no SPIFFE id", "spiffe://"),
    "spiffe of another": ("spiffe://pay.example/refunds", "spiffe://pay.example/checkout", "principals.refunds.spiffe", "`checkout`", "its own"),
    "identity unknown": ("identity: header", "identity: none", "principals.refunds.identity", "`none` is not possible", "'broker', 'header' or 'signed'"),
    "sealed without signatures": ("quarantine: clear", "quarantine: sealed", "flows.payments.quarantine", "`checkout`, `refunds` signs none", "identity: signed"),
    "window": ("ordering: key", "window: 1m", "flows.payments.window", "too short or too long", "2m to 1d"),
    "authorities that nobody approves": (", identity: header}", ", identity: signed}\npolicy_approvers: {roles: [payments-approvers], quorum: 1}", "authorities", "is missing: with policy_approvers", "name their PEM files"),
    "policy approvers too few": ("people:", "policy_approvers: {roles: [payments-approvers]}\npeople:", "policy_approvers.quorum", "asks for 2 beside the author, but 2 people", "lower the quorum"),
    "no two who break glass": ("people:", "break_glass: {roles: [payments-approvers], reviewers: [operators]}\npeople:", "break_glass.roles", "takes two people with a key that is `hardware: true`, and 0", "mark"),
    "authority elsewhere": ("people:", "authorities: [../ca.pem]\npeople:", "authorities[0]", "no file beside the policy", "ca.pem"),
    "recording unknown": ("recording: off", "recording: clear", "flows.payments.recording.mode", "`clear` is not possible", "'off', 'masked' or 'reveal'"),
    "recording's retention": ("recording: off", "recording: {mode: masked, retention: 500d}", "flows.payments.recording.retention", "too short or too long", "1h to 400d"),
    "recording's key": ("recording: off", "recording: {mode: masked, quorun: 1}", "flows.payments.recording.quorun", "no key", "did you mean `quorum`"),
    "recording that nobody lets replay": ("recording: off", "recording: {mode: masked, approvers: [boss]}", "flows.payments.recording.approvers[0]", "nobody has the role `boss`", "give it to people"),
    "recording that too few let replay": ("recording: off", "recording: {mode: masked, approvers: [operators], quorum: 2}", "flows.payments.recording.quorum", "asks for 2, but 1 people", "lower the quorum"),
    "recording reveal": ("recording: off", "schema: closed\n    recording: {mode: reveal}", "flows.payments.recording.reason", "is missing", "why card numbers must be kept"),
    "recording reveal, and an open schema": ("recording: off", "recording: {mode: reveal, reason: chargebacks}", "flows.payments.recording.mode", "in an open schema", "`schema: closed`"),
    "requester in a list": ("quorum: 2", "quorum: 2\n        requester: $.by[0]", "flows.payments.hold[0].requester", "no path to one member", "$.requested_by"),
    "requester masked": ("quorum: 2", "quorum: 2\n        requester: $.card.number", "flows.payments.hold[0].requester", "is masked", "stays"),
    "no requester, without a reason": ("quorum: 2", "quorum: 2\n        requester: none", "flows.payments.hold[0].requester", "needs a reason", "requester_reason"),
    "a requester, and why there is none": ("quorum: 2", "quorum: 2\n        requester: $.by\n        requester_reason: x", "flows.payments.hold[0].requester_reason", "is for `requester: none`", "leave it out"),
    "device flow": ("quorum: 2", "quorum: 2\n        device_flow: yes", "flows.payments.hold[0].device_flow", "`yes` is not possible", "'refuse' or 'allow'"),
    "issuers, and a rule without requester": ("people:", "issuers: {corp: {issuer: 'https://idp.example', client_id: panlock}}\npeople:", "flows.payments.hold[0]", "does not say who the requester is", "requester: none"),
    "a denied principal that is none": ("people:", "denied: {principals: [refund]}\npeople:", "denied.principals[0]", "`refund` is no principal", "mend"),
    "a denied serial with colons": ("people:", "denied: {serials: ['4D:2']}\npeople:", "denied.serials[0]", "is no serial", "hexadecimal"),
    "a denied certificate cut short": ("people:", "denied: {certificates: [abcd]}\npeople:", "denied.certificates[0]", "is no certificate", "x5t#S256"),
    "a denied key": ("people:", "denied: {keys: [abcd]}\npeople:", "denied.keys[0]", "is no key", "thumbprint"),
    "issuer over http": ("expires: 4h", "expires: 4h\n        requester: $.by\nissuers: {corp: {issuer: 'http://idp.example', client_id: panlock}}", "issuers.corp.issuer", "is no issuer", "https"),
    "issuer with a query": ("expires: 4h", "expires: 4h\n        requester: $.by\nissuers: {corp: {issuer: 'https://idp.example/?a=b', client_id: panlock}}", "issuers.corp.issuer", "is no issuer", "no query"),
    "one client for both flows": ("expires: 4h", "expires: 4h\n        requester: $.by\nissuers: {corp: {issuer: 'https://idp.example', client_id: panlock, device_client_id: panlock}}", "issuers.corp.device_client_id", "phished device code", "second client"),
    "symmetric algorithm": ("expires: 4h", "expires: 4h\n        requester: $.by\nissuers: {corp: {issuer: 'https://idp.example', client_id: panlock, algorithms: [HS256]}}", "issuers.corp.algorithms[0]", "`HS256` is not possible", "'RS256'"),
    "algorithm none": ("expires: 4h", "expires: 4h\n        requester: $.by\nissuers: {corp: {issuer: 'https://idp.example', client_id: panlock, algorithms: [none]}}", "issuers.corp.algorithms[0]", "`none` is not possible", "'RS256'"),
    "no algorithm": ("expires: 4h", "expires: 4h\n        requester: $.by\nissuers: {corp: {issuer: 'https://idp.example', client_id: panlock, algorithms: []}}", "issuers.corp.algorithms", "is empty", "at least one"),
    "a session of a day": ("expires: 4h", "expires: 4h\n        requester: $.by\nissuers: {corp: {issuer: 'https://idp.example', client_id: panlock, max_age: 1d}}", "issuers.corp.max_age", "too long", "1m to 12h"),
    "unknown key of an issuer": ("expires: 4h", "expires: 4h\n        requester: $.by\nissuers: {corp: {issuer: 'https://idp.example', client_id: panlock, acrs: [a]}}", "issuers.corp.acrs", "no key", "did you mean `acr`"),
    "format": ("format: json", "format: yaml", "flows.payments.format", "`yaml` is not possible", "'json'"),
    "repartition": ("ordering: key", "repartition: hash", "flows.payments.repartition", "`hash` is not possible", "'off' or 'masked'"),
    "ordering": ("ordering: key", "ordering: all", "flows.payments.ordering", "`all` is not possible", "'key' or 'none'"),
    "scan": ("{pan: partial}", "{pan: hash}", "flows.payments.scan.pan", "`hash` is not possible", "'token'"),
    "scan of IBANs": ("{pan: partial}", "{pan: partial, iban: fpe}", "flows.payments.scan.iban", "`fpe` is not for class iban", "partial"),
    "scan keeps sad": ("{pan: partial}", "{sad: token}", "flows.payments.scan.sad", "PCI DSS 3.3.1", "drop or redact"),
    "key in part": ("{pan: partial}", "{key: partial}", "flows.payments.scan.key", "`partial` is not possible", "'token' or 'fpe'"),
    "scan in an unknown domain": ("{pan: partial}", "{domain: cards}", "flows.payments.scan.domain", "`cards` is no token domain", "declare it"),
    "field in an unknown domain": ("strategy: token", "strategy: token, domain: cards", "flows.payments.fields[0].domain", "`cards` is no token domain", "declare it"),
    "domain without key": ("people:", "token_domains: {cards: {previous: k0}}\npeople:", "token_domains.cards.key", "missing", "add it"),
    "domain with a key for key": ("people:", "token_domains: {cards: {key: K-1}}\npeople:", "token_domains.cards.key", "is no key id", "a-z and 0-9"),
    "dual domain with one key": ("people:", "token_domains: {cards: {key: k1, dual: true}}\npeople:", "token_domains.cards.dual", "no `previous`", "leave `dual` out"),
    "rotation that changes record keys unsaid": ("people:", "token_domains: {default: {key: k2, previous: k1}}\npeople:", "token_domains.default.rekeys", "does not name `payments`", "announce it"),
    "rotation that changes no record keys": ("people:", "token_domains: {cards: {key: k2, previous: k1, rekeys: [payments]}}\npeople:", "token_domains.cards.rekeys[0]", "`payments` keeps its record keys", "leave it out"),
    "record keys change without a rotation": ("people:", "token_domains: {default: {key: k2, rekeys: [payments]}}\npeople:", "token_domains.default.rekeys[0]", "`payments` keeps", "leave it out"),
    "parts of what is not masked": ("class: sad}", "class: clear, joined: true}", "flows.payments.fields[1].joined", "class clear is not", "leave it out"),
    "domain with one key twice": ("people:", "token_domains: {cards: {key: k1, previous: k1}}\npeople:", "token_domains.cards.previous", "the same key", "leave it out"),
    "truncation": ("lanes: 8", "lanes: 8\ntruncation: 6+6", "truncation", "`6+6` is not possible", "'6+4'"),
    "class clear with a strategy": ("class: sad", "class: clear, strategy: drop", "flows.payments.fields[1].strategy", "class clear is not", "leave it out"),
    "expiry as token": ("class: sad", "class: expiry, strategy: token", "flows.payments.fields[1].strategy", "`token` is not for class expiry", "drop, redact or encrypt"),
    "fallback without fpe": ("strategy: token", "strategy: token, fallback: redact", "flows.payments.fields[0].fallback", "fpe alone", "leave it out"),
    "fallback that is fpe": ("strategy: token", "strategy: fpe, fallback: fpe", "flows.payments.fields[0].fallback", "stand in for itself", "use token"),
    "sad encrypted": ("class: sad", "class: sad, strategy: encrypt", "flows.payments.fields[1].strategy", "PCI DSS 3.3.1", "drop or redact"),
    "IBAN by fpe": ("class: sad", "class: iban, strategy: fpe", "flows.payments.fields[1].strategy", "`fpe` is not for class iban", "partial"),
    "no schema": ("scan:", "schema: shut\n    scan:", "flows.payments.schema", "shut", "open"),
    "allow-list": ("scan:", "allow: [order_id]\n    scan:", "flows.payments.allow[0]", "does not start with $", "$.card"),
    "path": ("path: $.card.cvv", "path: card.cvv", "flows.payments.fields[1].path", "is no path", "$.card.number"),
    "path with an index": ("path: $.card.cvv", "path: '$.cards[0]'", "flows.payments.fields[1].path", "is no path", "$.card.number"),
    "class": ("class: sad", "class: cvv", "flows.payments.fields[1].class", "`cvv` is not possible", "'pan', 'sad'"),
    "pan without strategy": ("class: pan, strategy: token", "class: pan", "flows.payments.fields[0].strategy", "is missing", "say drop"),
    "sad kept as token": ("class: sad", "class: sad, strategy: token", "flows.payments.fields[1].strategy", "PCI DSS 3.3.1", "drop or redact"),
    "sad kept in part": ("class: sad", "class: sad, strategy: partial", "flows.payments.fields[1].strategy", "PCI DSS 3.3.1", "drop or redact"),
    "two rules for one field": ("$.card.cvv", "$.card.number", "flows.payments.fields[1].path", "two rules for one field", "keep one"),
    "two rules, quoted": ("$.card.cvv", "'$[\"card\"].number'", "flows.payments.fields[1].path", "two rules for one field", "keep one"),
    "two rules, at any depth": ("$.card.cvv", "$..number", "flows.payments.fields[1].path", "two rules for one field", "exclude each"),
    "rule does not compile": ("record.amount > 5000.0", "record.amount >> 5", "flows.payments.hold[0].when", "does not compile", "over record, key"),
    "rule as number": ("when: has", "when: 5 #", "flows.payments.hold[0].when", "`5` is not text", "write text"),
    "two rules of one id": (
        "      - id: large-refund", "      - {id: large-refund, when: has(record.a), reason: r, approvers: [payments-approvers]}\n      - id: large-refund",
        "flows.payments.hold[1].id", "id of two rules", "its own",
    ),
    "no reason": ("reason: refunds over 5,000 need two people", "reason: ' '", "flows.payments.hold[0].reason", "says nothing", "why they are asked"),
    "no approvers": ("approvers: [payments-approvers]", "approvers: []", "flows.payments.hold[0].approvers", "is empty", "at least one"),
    "approvers that nobody is": (
        "approvers: [payments-approvers]", "approvers: [payments-approvers, boss]", "flows.payments.hold[0].approvers[1]", "nobody has the role `boss`", "mend",
    ),
    "quorum above its approvers": ("quorum: 2", "quorum: 3", "flows.payments.hold[0].quorum", "asks for 3, but 2 people", "lower the quorum"),
    "quorum needs an owner": ("owners: [ben@pay.example]", "owners: [cy@pay.example]", "flows.payments.hold[0].quorum", "but 1 people with a key may approve, 1 more own", "lower"),
    "quorum needs someone without a key": (EC_KEY, "", "flows.payments.hold[0].quorum", "but 1 people with a key", "a key"),
    "quorum zero": ("quorum: 2", "quorum: 0", "flows.payments.hold[0].quorum", "out of bounds", "at least 1"),
    "expires without unit": ("expires: 4h", "expires: 4", "flows.payments.hold[0].expires", "`4` is no duration", "8s, 15m, 4h or 2d"),
    "expires in words": ("expires: 4h", "expires: 4 hours", "flows.payments.hold[0].expires", "no duration", "4h"),
    "expires negative": ("expires: 4h", "expires: -4h", "flows.payments.hold[0].expires", "no duration", "4h"),
    "expires too short": ("expires: 4h", "expires: 1ms", "flows.payments.hold[0].expires", "too short or too long", "1s to 90d"),
    "expires too long": ("expires: 4h", "expires: 91d", "flows.payments.hold[0].expires", "too short or too long", "1s to 90d"),
    "retention": ("partitions: 12", "partitions: 12\n    retention: 1m", "flows.payments.retention", "too short", "1h to 400d"),
    "clean retention below the flow's": (
        "{topic: payments}", "{topic: payments, retention: 6d}", "flows.payments.clean.retention", "shorter than the flow's", "as long",
    ),
    "clean topic of Panlock's": ("{topic: payments}", "{topic: panlock.audit}", "flows.payments.clean.topic", "Panlock's or Kafka's own", "begin it"),
    "clean topic in quarantine": ("{topic: payments}", "{topic: quarantine.payments.checkout}", "flows.payments.clean.topic", "own", "begin it"),
    "clean topic of Kafka's": ("{topic: payments}", "{topic: __consumer_offsets}", "flows.payments.clean.topic", "own", "begin it"),
    "clean topic impossible": ("{topic: payments}", "{topic: pay ments}", "flows.payments.clean.topic", "no topic name", "letters"),
    "message size": ("partitions: 12", "partitions: 12\n    max_message_bytes: 100", "flows.payments.max_message_bytes", "out of bounds", "1024"),
    "certificate": ("certificate: ana", "certificate: 'CN=ana'", "people.ana@pay.example.certificate", "no certificate's CN", "letters"),
    "person": ("  ana@pay.example:", "  ana pay:", "people.ana pay", "names no person", "ana@pay.example"),
    "certificate of two people": ("certificate: cy", "certificate: ana", "people.cy@pay.example.certificate", "an approver (line", "second certificate"),
    "certificate of person and producer": ("certificate: cy", "certificate: refunds", "people.cy@pay.example.certificate", "a principal (line", "second"),
    "certificate of person and worker": ("certificate: cy", "certificate: panlock-worker", "people.cy@pay.example.certificate", "a worker", "second"),
    "certificate of approver and auditor": ("certificate: cy", "certificate: panlock-auditor", "people.cy@pay.example.certificate", "an auditor", "second"),
    "certificate of consumer and producer": ("consumers: [ledger]", "consumers: [refunds]", "flows.payments.consumers[0]", "a principal", "second"),
    "certificate of worker and deployer": (
        "people:", "roles: {workers: [w], deployers: [w]}\npeople:", "roles.deployers[0]", "a worker (line", "second",
    ),
    "certificate that begins the application": (
        "consumers: [ledger]", "consumers: [pan]", "flows.payments.consumers[0]", "join the workers' group", "rename",
    ),
    "key of two people": (EC_KEY, OTHER_KEY, "people.cy@pay.example.keys[0]", "also a key of `ana@pay.example`", "their own"),
    "key of a person and of workers": ("people:", f"audit: {{worker_keys: [{OTHER_KEY}]}}\npeople:", "audit.worker_keys[0]", "also a key of `ana@pay.example`", "their own"),
    "key for the audit of another kind": ("people:", f"audit: {{sealer_keys: [{THIRD_KEY}]}}\npeople:", "audit.sealer_keys[0]", "is no key for the audit", "panlock audit key"),
    "private key": (EC_KEY, EC_KEY.replace("}", ", d: AAAA}"), "people.cy@pay.example.keys[0]", "a private or secret part (d)", "public JWK"),
    "symmetric key": (EC_KEY, "{kty: oct, k: AAAA}", "people.cy@pay.example.keys[0]", "secret part (k)", "public JWK"),
    "key of another curve": (EC_KEY, "{kty: EC, crv: P-384, x: AA, y: AA}", "people.cy@pay.example.keys[0]", "P-384 is not one", "P-256"),
    "RSA key": (EC_KEY, "{kty: RSA, n: AA, e: AQAB}", "people.cy@pay.example.keys[0]", "RSA with crv missing", "P-256"),
    "key off the curve": (EC_KEY, EC_KEY.replace("x: f83O", "x: f84O"), "people.cy@pay.example.keys[0]", "no point of P-256", "public JWK"),
    "key cut short": (EC_KEY, "{kty: OKP, crv: Ed25519, x: AAAA}", "people.cy@pay.example.keys[0]", "x is not 32 bytes", "public JWK"),
    "key not base64url": (EC_KEY, "{kty: OKP, crv: Ed25519, x: 'a+/='}", "people.cy@pay.example.keys[0]", "x is not", "public JWK"),
    "key with more": (EC_KEY, EC_KEY.replace("}", ", x5c: a}"), "people.cy@pay.example.keys[0]", "do not belong there (x5c)", "public"),
    "key as text": (EC_KEY, "ssh-ed25519", "people.cy@pay.example.keys[0]", "not a mapping of strings", "public JWK"),
    "owner in another spelling": ("[ben@pay.example]", "[Cy@pay.example]", "principals.checkout.owners[0]", "`cy@pay.example` under people", "both the same"),
    "person in another spelling": (
        "  cy@pay.example:", "  Ana@pay.example: {certificate: ana2, roles: []}\n  cy@pay.example:", "people.Ana@pay.example", "another spelling", "keep one",
    ),
    "python tag": ("lanes: 8", "lanes: !!python/object:os.x 8", "", "the tag `tag:yaml.org,2002:python/object:os.x`", "no place here"),
    "string tag": ("lanes: 8", "lanes: !!str 8", "", "the tag `tag:yaml.org,2002:str`", "no place here"),
    "a certificate and a client": ("spiffe: spiffe://pay.example/refunds, identity: header}\npeople:", "spiffe: spiffe://pay.example/refunds, oidc: {issuer: idp, subject: r}}\nissuers: {idp: {issuer: https://producers.example/}}\npeople:", "principals.refunds.oidc", "beside `spiffe`", "keep one"),
    "a client of no issuer": ("spiffe: spiffe://pay.example/refunds, identity: header}\npeople:", "oidc: {issuer: other, subject: r}}\nissuers: {idp: {issuer: https://producers.example/}}\npeople:", "principals.refunds.oidc.issuer", "`other` is no issuer", "under issuers"),
    "a client that signs": ("spiffe: spiffe://pay.example/refunds, identity: header}\npeople:", "oidc: {issuer: idp, subject: r}, identity: signed}\nissuers: {idp: {issuer: https://producers.example/}}\npeople:", "principals.refunds.identity", "needs a certificate", "broker or header"),
    "a subject with a space": ("spiffe: spiffe://pay.example/refunds, identity: header}\npeople:", "oidc: {issuer: idp, subject: ' r'}}\nissuers: {idp: {issuer: https://producers.example/}}\npeople:", "principals.refunds.oidc.subject", "no subject", "ASCII"),
    "a subject of another script": ("spiffe: spiffe://pay.example/refunds, identity: header}\npeople:", 'oidc: {issuer: idp, subject: "r\\u0435funds"}}\nissuers: {idp: {issuer: https://producers.example/}}\npeople:', "principals.refunds.oidc.subject", "no subject", "ASCII"),
    "one client, two principals": ("spiffe: spiffe://pay.example/refunds, identity: header}\npeople:", "oidc: {issuer: idp, subject: r}}\n  other: {oidc: {issuer: idp, subject: r}}\nissuers: {idp: {issuer: https://producers.example/}}\npeople:", "principals.other.oidc.subject", "also the subject of `refunds`", "its own"),
    "too few who have a key or sign in": ("people:", "issuers: {idp: {issuer: https://producers.example/}}\naudit: {worker_keys: []}\npolicy_approvers: {roles: [payments-approvers], quorum: 2}\npeople:", "policy_approvers.quorum", "2 people with a key", "they need no key"),
    "a device flow without sign-ins": ("people:", "issuers: {idp: {issuer: https://producers.example/, device_client_id: d}}\npeople:", "issuers.idp.device_client_id", "without a `client_id`", "name both"),
    "half a character": ("reason: refunds over 5,000 need two people", 'reason: "\\ud800"', "flows.payments.hold[0].reason", "half a character", "\\u escapes"),
    "a list as key": ("lanes: 8", "lanes: 8\n? [a]\n: 1", "", "list or mapping as a key", "plain name"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "field", "what", "remedy"), ONE.values(), ids=ONE)
def test_one_mistake_is_one_located_problem_with_a_remedy(
    old: str, new: str, field: str, what: str, remedy: str
) -> None:
    found = [problem for problem in problems(changed(old, new)) if problem.field == field]
    assert len(found) == 1, problems(changed(old, new))
    assert what in found[0].what
    assert remedy in found[0].remedy


@pytest.mark.parametrize("name", ONE)
def test_one_mistake_brings_no_second_problem_elsewhere(name: str) -> None:
    old, new, field, *_ = ONE[name]
    assert {problem.field for problem in problems(changed(old, new))} == {field}


def test_a_problem_names_the_line_of_its_value() -> None:
    text = changed("expires: 4h", "expires: never")
    line = next(n for n, content in enumerate(text.splitlines(), 1) if "expires: never" in content)
    assert problems(text)[0].line == line
    with pytest.raises(
        PolicyError, match=rf"^p\.yaml:{line}: flows\.payments\.hold\[0\]\.expires: `never` is no duration; write"
    ):
        parse_policy(text, "p.yaml")


def test_a_missing_key_is_located_at_what_lacks_it() -> None:
    text = changed("        reason: refunds over 5,000 need two people\n", "")
    found = problems(text)[0]
    assert found.field == "flows.payments.hold[0].reason"
    assert text.splitlines()[found.line - 1].strip() == "- id: large-refund"


def test_all_problems_of_all_kinds_come_at_once() -> None:
    text = POLICY
    for old, new in (
        ("lanes: 8", "lanes: eight"),
        ("identity: header", "identity: sign"),
        ("certificate: cy", "certificate: ana"),
        ("[checkout, refunds]", "[checkout, nobody]"),
        ("$.card.cvv", "$.card.number"),
        ("record.amount > 5000.0", "record.amount >"),
        ("quorum: 2", "quorum: 9\n        quorum: 8"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    found = {re.sub(r"\[\d\]", "", problem.field) for problem in problems(text)}
    assert found == {
        "lanes",
        "principals.refunds.identity",
        "people.cy@pay.example.certificate",
        "flows.payments.producers",
        "flows.payments.fields.path",
        "flows.payments.hold.when",
        "flows.payments.hold.quorum",
    }
    lines = [problem.line for problem in problems(text)]
    assert lines == sorted(lines)


NO_POLICY = {
    "empty": ("", "nothing is not a mapping"),
    "a list": ("- a", "a list is not a mapping"),
    "a word": ("policy", "`policy` is not a mapping"),
    "not YAML": ("a: {b", "is not the YAML of a policy"),
    "two documents": ("a: 1\n---\nb: 1", "is not the YAML of a policy"),
    "an alias": ("a: &x 1\nb: *x", "an alias (*)"),
    "a control character": ("a: \x00", "is not the YAML of a policy"),
    "nested without end": ("[" * 5000, "is not the YAML of a policy"),
    "nested deeply": ("a: " + "[" * 40 + "]" * 40, "nested too deep"),
    "too large": ("#" * (1 << 20) + "#", "larger than 1 MiB"),
}


@pytest.mark.parametrize(("text", "what"), NO_POLICY.values(), ids=NO_POLICY)
def test_what_is_no_policy_at_all_is_told_as_such(text: str, what: str) -> None:
    assert any(what in problem.what for problem in problems(text))


def test_a_file_that_cannot_be_read_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read: No such file"):
        load_policy(tmp_path / "none.yaml")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"version: 1\napplication: caf\xe9")
    with pytest.raises(PolicyError, match=r"latin\.yaml:2: is not UTF-8"):
        load_policy(latin)


def test_a_private_key_is_not_repeated_in_the_message() -> None:
    text = changed(EC_KEY, OTHER_KEY.replace("}", ", d: c2VjcmV0}"))
    with pytest.raises(PolicyError) as raised:
        parse_policy(text, "p.yaml")
    assert "c2VjcmV0" not in str(raised.value)


def test_control_characters_of_the_file_do_not_reach_the_terminal() -> None:
    text = changed("identity: header", 'identity: "\\e[31mred"')
    with pytest.raises(PolicyError) as raised:
        parse_policy(text, "p.yaml")
    assert "\x1b" not in str(raised.value)
