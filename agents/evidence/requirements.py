"""PCI DSS v4.0.1 requirements that Panlock bears on: what it shows for each, by which question, and what it leaves.

`sql` asks the view `period`: the events of the time that is asked for. What comes from the policy instead is named in
`policy` (agents.evidence.standing). Numbers are the standard's; its words are not repeated.
"""

# ruff: noqa: E501, S608  # texts, and questions that are constants

from typing import NamedTuple


class Table(NamedTuple):
    """A file `<name>.csv`; `about` says what a row is."""

    name: str
    about: str
    sql: str


class Requirement(NamedTuple):
    """`check`: how to see for oneself; `yours`: what remains the customer's; `policy`: names of its tables."""

    number: str
    title: str
    shows: str
    tables: tuple[Table, ...]
    check: str
    yours: str
    policy: tuple[str, ...] = ()
    proofs: bool = False


def _count(name: str, about: str, columns: str, where: str = "true") -> Table:
    return Table(
        name, about, f"SELECT {columns}, count(*) AS events FROM period WHERE {where} GROUP BY ALL ORDER BY ALL"
    )


_MASKED = Table(
    "masked", "one class of data, masked by one strategy in one flow, and in how many places",
    'SELECT flow, "class", strategy, "by", sum(places)::BIGINT AS places, min("time") AS first, max("time") AS last '
    'FROM period_findings GROUP BY ALL ORDER BY ALL',
)  # fmt: skip
_REJECTED = _count(
    "rejected",
    "records of one flow that were rejected, by reason",
    "flow, principal, reason",
    "type = 'record.rejected'",
)
_KEYS = Table(
    "keys", "a key's first use in a lane, and what the key came from",
    "SELECT \"time\", log, worker, event->>'$.key.kind' AS kind, event->>'$.key.id' AS key_id, "
    "event->>'$.key.from' AS came_from FROM period WHERE type = 'key.first-used' ORDER BY \"time\", log",
)  # fmt: skip
_REVEALED = Table(
    "revealed", "an encrypted value that a person read",
    "SELECT \"time\", person, flow, event->>'$.resource.class' AS class, reason, sha256 FROM period "
    "WHERE type = 'value.revealed' ORDER BY \"time\"",
)  # fmt: skip
_CERTIFICATES = Table(
    "certificates", "a producer's certificate, when a lane saw it first",
    "SELECT min(\"time\") AS seen, principal, event->>'$.certificate.spiffe' AS spiffe, "
    "event->>'$.certificate.serial' AS serial, event->>'$.certificate.from' AS valid_from, "
    "event->>'$.certificate.to' AS valid_to FROM period WHERE type = 'certificate.seen' GROUP BY ALL ORDER BY ALL",
)  # fmt: skip
_POLICIES = Table(
    "policy_changes", "a person's word on a policy, by which it came into force",
    "SELECT min(\"time\") AS seen, type, person, reason, event->>'$.resource.bundle' AS bundle, event->>'$.resource.version' AS version "
    "FROM period WHERE type LIKE 'policy.%' GROUP BY ALL ORDER BY ALL",
)  # fmt: skip
_PEOPLE = _count(
    "people", "what a person did, as the audit names them",
    "person, event->>'$.actor.issuer' AS issuer, event->>'$.actor.acr' AS acr, type", "person IS NOT NULL",
)  # fmt: skip
_REFUSED = _count(
    "refused", "messages of people that did not count, by reason", "person, reason", "type = 'decision.refused'"
)
_DENIED = Table(
    "access_denied", "operations that the brokers denied, where `panlock broker-audit` tells",
    "SELECT principal, event->>'$.access.operation' AS operation, event->>'$.resource' AS resource, "
    "sum((event->>'$.access.count')::BIGINT)::BIGINT AS times FROM period WHERE type = 'access.denied' GROUP BY ALL ORDER BY ALL",
)  # fmt: skip
_READS = Table(
    "access_read", "who read or wrote which topic, how often; `finding` where no ACL of the policy allows it",
    "SELECT principal, type, topic, event->>'$.finding' AS finding, sum((event->>'$.access.count')::BIGINT)::BIGINT AS times "
    "FROM period WHERE type IN ('access.read', 'access.write') GROUP BY ALL ORDER BY ALL",
)  # fmt: skip
_APPROVALS = Table(
    "approvals", "a decision that counted, and how long after the hold it came",
    "SELECT d.\"time\", d.person, d.decision, d.rule, d.record, round(epoch(d.\"time\" - h.\"time\"), 3) AS seconds_after_hold "
    "FROM period d LEFT JOIN (SELECT record, min(\"time\") AS \"time\" FROM events WHERE type = 'record.held' GROUP BY 1) h "
    "USING (record) WHERE d.type = 'decision.accepted' ORDER BY 1",
)  # fmt: skip
_ALARM_TYPES = (
    "records.lost", "topic.recreated", "store.corrupt", "log.refused", "break-glass.used", "sequence.gap",
    "card-data.found", "sealer.stopped", "witness.refused", "witness.failed", "timestamp.failed", "access.gap",
    "access.late", "access.silent", "access.refused",
)  # fmt: skip
ALARMS = Table(
    "alarms", "a control that failed or was overridden, and since when it was known",
    f"SELECT \"time\", log, id, type, coalesce(worker, person) AS who, coalesce(topic, record) AS what, reason FROM period "
    f"WHERE type IN {_ALARM_TYPES} ORDER BY \"time\"",
)  # fmt: skip
_ANSWERS = Table(
    "answers", "a person who took note of an alarm, and why they let things go on",
    "SELECT \"time\", type, person, reason, event->>'$.alarm' AS alarm FROM period WHERE type IN ('lane.resumed', "
    "'break-glass.reviewed', 'review.acknowledged') ORDER BY 1",
)  # fmt: skip
_TYPES = _count("events", "events of one type in one log", "log, type")
_WHO = Table(
    "fields", "of events of one type, how many name who, what, when, and how it ended (10.2.2)",
    "SELECT type, count(*) AS events, count(coalesce(principal, person, worker, event->>'$.actor.sealer')) AS who, "
    "count(\"time\") AS \"when\", count(coalesce(outcome, decision, reason)) AS outcome, "
    "count(coalesce(record, topic, event->>'$.resource')) AS what FROM period GROUP BY 1 ORDER BY 1",
)  # fmt: skip
_DAYS = _count("days", "events of a day in one log", "day, log")
_CLOCK = Table(
    "clock", "seconds between when a worker made an event of a person's word and when the broker had stamped that word",
    "SELECT person, type, id, round(epoch(\"time\" - (event->>'$.proof.received')::TIMESTAMP), 3) AS seconds FROM period "
    "WHERE event->>'$.proof.received' IS NOT NULL ORDER BY 4 DESC",
)  # fmt: skip
_STREAMS = _count(
    "streams",
    "records of one producer in one flow",
    "flow, principal, outcome",
    "record IS NOT NULL AND type LIKE 'record.%'",
)

REQUIREMENTS = (
    Requirement(
        "3.2", "Storage of account data is kept to a minimum",
        "Clean topics, state, recordings and the audit hold masked records alone; what cannot be masked is rejected and "
        "goes nowhere. Quarantine is purged behind each lane's position.",
        (_MASKED, _REJECTED), "Compare `masked` with the fields that the policy names: a flow that should have card data, "
        "and has no findings, is worth a question. `panlock retention` says what each topic keeps.",
        "What producers and consumers keep on their side; the retention times that you set.", ("topics",),
    ),
    Requirement(
        "3.3", "Sensitive authentication data is not stored after authorization",
        "SAD that a rule names, or that the scan knows by its structure or name, is dropped or redacted before anything is "
        "kept. No event, hold or recording has it.",
        (Table("sad", _MASKED.about, _MASKED.sql.replace("GROUP BY", "WHERE \"class\" = 'sad' GROUP BY")),),
        "Every row's strategy must be drop or redact. `panlock scan` over a clean topic finds what was missed.",
        "Naming the fields that hold bare three or four digits. With `quarantine: clear`, quarantine holds SAD until the "
        "purge: justify it, or seal it.",
    ),
    Requirement(
        "3.4", "Access to displays of full PAN is restricted",
        "What approvers, auditors and consumers see is masked: at most the BIN and the last four digits. Who read an "
        "encrypted value is listed, with their reason.",
        (Table("pan", _MASKED.about, _MASKED.sql.replace("GROUP BY", "WHERE \"class\" = 'pan' GROUP BY")), _REVEALED),
        "Strategies are those of docs/strategies.md. Ask each person in `revealed` for the case that their reason names.",
        "Who has a business need to reveal; other displays than Panlock's.",
    ),
    Requirement(
        "3.5", "PAN is unreadable wherever it is stored",
        "Tokens and hashes are keyed; what `encrypt` and `fpe` leave can be turned back by who has the key, and remains "
        "cardholder data. Events name the strategy and the key of each place, never a digit.",
        (_MASKED, _KEYS), "In `masked`, `encrypt` and `fpe` need the protection of cardholder data. In `keys`, a key that came "
        "from a file or an environment variable is not for real card data.",
        "Disk encryption of brokers where quarantine is clear; topics that Panlock does not write.", ("flows",),
    ),
    Requirement(
        "3.6", "Keys are secured",
        "Keys lie wrapped by a key service and are in the clear in workers' memory alone. The first use of each key in a "
        "lane is an event that says what it came from.",
        (_KEYS,), "Compare with the key service's own log of unwrapping: each unwrap has a worker's start beside it.",
        "The key service, who may unwrap there, and its custodians.",
    ),
    Requirement(
        "3.7", "Key management has a process",
        "Keys have ids, and are rotated with an overlap (`panlock keys rotate`); a new key's first use is an event; words of "
        "people under a compromised key can be refused within a second.",
        (_KEYS, Table("denials", "an identity or key that an operator refused, or admitted again",
            "SELECT \"time\", type, person, reason, event->>'$.denied' AS denied FROM period WHERE type LIKE 'identity.%' ORDER BY 1")),
        "A key kind without a new id within its cryptoperiod was not rotated.", "Cryptoperiods, custodians, split knowledge.",
    ),
    Requirement(
        "4.2.1", "PAN is protected in transmission",
        "Producers, brokers, workers and consumers speak mTLS. Sealed flows are encrypted from the producer to the worker; "
        "signed ones prove each record's producer. Certificates are listed as lanes saw them.",
        (_CERTIFICATES,), "`panlock deploy check` compares brokers and ACLs with the policy. 4.2.1.1 asks for an inventory of "
        "certificates: `certificates` has those of producers that sign.",
        "The brokers' listeners and cipher suites; networks beyond Kafka.", ("flows",),
    ),
    Requirement(
        "6.5.1", "Changes are documented, approved and tested",
        "A policy comes into force by a quorum of its approvers, its author not among them. Each word is listed with its "
        "reason, and is in the audit as it was signed.",
        (_POLICIES,), "For each bundle, who proposed it is not among who approved it. `panlock policy show` has the differences.",
        "Testing before approval; changes to Kafka, certificates and Panlock's own version.",
    ),
    Requirement(
        "7.2", "Access is by need to know, and deny by default",
        "Quarantine is written by one principal and read by workers alone; clean topics are written by workers alone. The "
        "policy names who has which role. What brokers denied, and words of people that did not count, are listed.",
        (_REFUSED, _DENIED, _READS), "`panlock deploy check` finds every ACL that the policy does not ask for. Compare `roles` with "
        "your list of people.", "Reviewing `roles` every six months (7.2.4); the issuer's groups.", ("roles", "topics"),
    ),
    Requirement(
        "8.2", "Everyone and everything has an identity of its own",
        "Each producer, worker and person has a certificate, key or account of their own; the audit names them in every "
        "event. Nobody's word counts under another's key.",
        (_PEOPLE, _CERTIFICATES), "Each `person` is a person of yours. An account that left and still acts is a finding.",
        "Joiners, movers, leavers; the issuer's accounts.", ("roles",),
    ),
    Requirement(
        "8.3", "Users are strongly authenticated",
        "People decide under a key that the policy registers, or under a fresh sign-in at the issuer that is bound to a key "
        "made for it. Sessions end with `max_age`.",
        (_PEOPLE,), "`issuer` is empty where a registered key signed; whose key, the policy says.",
        "Passphrases, and the issuer's password rules.",
    ),
    Requirement(
        "8.4", "MFA is in place",
        "Where the issuer's entry asks for an `acr`, words under a sign-in without it do not count (`weak-sign-in`). Each "
        "person's `acr` is listed.",
        (_PEOPLE, _REFUSED), "In `people`, `acr` is what your issuer gives for two factors.",
        "What the issuer means by an `acr`; MFA for everything else.",
    ),
    Requirement(
        "8.6", "System accounts are managed",
        "Producers and workers are certificates or an issuer's clients, none of them interactive; a certificate can be "
        "refused within a second.",
        (_CERTIFICATES,), "Validity in `certificates` is as short as you ask for.", "Where their private keys lie.",
        ("principals",),
    ),
    Requirement(
        "10.2", "Audit logs are there, and say enough",
        "Every record's end, every word of a person, every lane's opening and closing is an event that says who, what, when, "
        "where and how it ended.",
        (_TYPES, _WHO), "Each proof in `proofs` holds all events of one record: compare with what your producer knows of it.",
        "Logs of brokers, hosts, networks and the issuer.", proofs=True,
    ),
    Requirement(
        "10.3", "Audit logs are protected",
        "Events are chained and signed by workers; the sealer's signed checkpoints say how far each log has come. Everything "
        "in this pack was derived from events that led to these checkpoints.",
        (_TYPES,), "`panlock audit verify --export DIR --policy FILE` over the export; `panlock audit check` over each proof, with "
        "a policy that you have from elsewhere.",
        "A write-once store for the export; keeping the keys of worker, sealer and broker in different hands.",
        ("sealed",), proofs=True,
    ),
    Requirement(
        "10.4", "Audit logs are reviewed",
        "Rules look over the log (10.4.1.1); a finding stays open until a person has acknowledged it, signed and with a "
        "reason, which is an event, too.",
        (), "`review.csv` has all findings of the period, open and acknowledged. An auditor reads the reasons.",
        "Daily reviewing, and following up on what is open (10.4.3).", ("review",),
    ),
    Requirement(
        "10.5", "Audit log history is retained",
        "Audit topics keep 400 days, the export as long as its store. Three months of it are at once searchable "
        "(`panlock audit search`).",
        (_DAYS,), "A day of traffic without events is a gap to explain.", "Twelve months in the export's store.",
    ),
    Requirement(
        "10.6", "Time is synchronised",
        "What counts for decisions and expiry is the brokers' clock. For words of people the difference to the workers' "
        "clock is listed.",
        (_CLOCK,), "Differences of more than some seconds: look at the hosts' time service.",
        "Time services on brokers and workers (10.6.1 to 10.6.3).",
    ),
    Requirement(
        "10.7", "Failures of critical controls are detected and responded to",
        "Lost input, recreated topics, corrupt stores, refused logs and break-glass are alarm events; the first two stop "
        "their lane until a named person has taken note.",
        (ALARMS, _ANSWERS), "Every alarm has an answer, and somebody can tell the story behind it.",
        "Watching the alarms and metrics day and night (docs/operations.md).",
    ),
    Requirement(
        "12.5.2", "The scope is documented and confirmed",
        "The policy is the list of flows, topics, principals and people that handle account data through Panlock; traffic "
        "of each is counted.",
        (_STREAMS,), "Compare with your data-flow diagrams: a flow with card data that is not here is out of Panlock's sight.",
        "Everything that does not pass through Panlock.", ("flows", "principals", "topics"),
    ),
)  # fmt: skip
