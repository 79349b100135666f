"""What an auditor would look for each day, as questions to the view `period`.

Each gives rows (key, time, what, events, about): `about`, whom a finding is about, who cannot acknowledge it; `key` names the finding for good, the same at every run, so that it may never
hold a count or anything else that grows; `events` are the places to look at, as `<log> <id>`.
"""

# ruff: noqa: E501, S608  # texts, and questions that are constants

from typing import NamedTuple

STAMP = 10  # seconds between hold and approval under which nobody can have read it
REFUSED = 5  # refusals of one person on one day
PEAK = 20, 3  # rejections of a flow in an hour, and how many times its median hour
SILENT = 300  # seconds without a sealer
ALWAYS = 20  # approvals of somebody who never denied


class Rule(NamedTuple):
    """`look`: what to do about a finding."""

    name: str
    title: str
    look: str
    sql: str


_PLACE = "[log || ' ' || id]"
_PLACES = "list(log || ' ' || id ORDER BY \"time\")[:20]"

RULES = (
    Rule(
        "alarm", "A control failed or was overridden",
        "docs/operations.md has each alarm; say what happened and what was done",
        f"SELECT log || ' ' || id, \"time\", type || ': ' || coalesce(topic, record, reason, ''), {_PLACE}, NULL FROM period "
        "WHERE type IN ('records.lost', 'topic.recreated', 'store.corrupt', 'log.refused', 'card-data.found', 'sequence.gap', "
        "'witness.refused', 'witness.failed', 'timestamp.failed', 'access.gap', 'access.late', 'access.silent', 'access.refused')",
    ),
    Rule(
        "break-glass-open", "A record was released by break-glass, and nobody has reviewed it",
        "panlock break-glass review",
        f"SELECT log || ' ' || id, \"time\", 'by ' || array_to_string(people, ' and ') || ': ' || record, {_PLACE}, people "
        "FROM period u WHERE type = 'break-glass.used' AND NOT EXISTS (SELECT 1 FROM events r WHERE "
        "r.type = 'break-glass.reviewed' AND r.log = u.log AND r.event->>'$.alarm' = u.id)",
    ),
    Rule(
        "worker-gone",
        "A worker's lanes were taken over by another, and it had not closed them: it crashed or lost its connection",
        "Its log and its host's tell why",
        f"SELECT gone, min(\"time\"), gone || ' had ' || count(*) || ' lanes', {_PLACES}, NULL FROM (SELECT *, "
        "lag(type) OVER lane AS before, lag(worker) OVER lane AS gone FROM period WHERE type IN ('lane.opened', 'lane.closed') "
        "WINDOW lane AS (PARTITION BY log ORDER BY seq)) "
        "WHERE type = 'lane.opened' AND before = 'lane.opened' AND gone <> worker GROUP BY gone",
    ),
    Rule(
        "attack", "Records or words that somebody altered, repeated or forged",
        "docs/reasons.md; find out who could write there",
        f"SELECT day || ' ' || reason || ' ' || coalesce(principal, person, log), min(\"time\"), count(*) || ' times ' || reason || ' of ' || "
        f"coalesce(principal, person, 'an unknown signer'), {_PLACES}, [person] FROM period WHERE reason IN ('signature-invalid', "
        "'replayed', 'identity-mismatch', 'certificate-invalid', 'bad-signature', 'wrong-hash', 'token-unbound', 'unknown-key') "
        "AND type IN ('record.rejected', 'decision.refused') GROUP BY day, reason, principal, person, log",
    ),
    Rule(
        "refused-often", f"At least {REFUSED} words of one person on one day did not count",
        "Ask the person; compare with the issuer's log",
        f"SELECT day || ' ' || person, min(\"time\"), count(*) || ' words of ' || person || ' were refused', {_PLACES}, [person] FROM period "
        f"WHERE type = 'decision.refused' AND person IS NOT NULL GROUP BY day, person HAVING count(*) >= {REFUSED}",
    ),
    Rule(
        "access-denied", "Brokers denied an operation",
        "A new client without ACLs, or somebody who looks where they should not",
        f"SELECT day || ' ' || coalesce(principal, event->>'$.actor.principal', '?'), min(\"time\"), 'denied: ' || "
        f"coalesce(principal, event->>'$.actor.principal', '?'), {_PLACES}, NULL FROM period WHERE type = 'access.denied' "
        "GROUP BY day, coalesce(principal, event->>'$.actor.principal', '?')",
    ),
    Rule(
        "not-by-policy",
        "A principal read or wrote a topic that the policy does not give it",
        "A super user, or an ACL that somebody added: `panlock deploy check`",
        f"SELECT day || ' ' || principal || ' ' || topic, min(\"time\"), principal || ' at ' || topic, {_PLACES}, NULL FROM period "
        "WHERE type IN ('access.read', 'access.write') AND event->>'$.finding' IS NOT NULL GROUP BY day, principal, topic",
    ),
    Rule(
        "rejected-peak", f"At least {PEAK[0]} records of a flow were rejected in an hour, {PEAK[1]} times what is usual there",
        "panlock rejections; ask the producer what it changed",
        "WITH hours AS (SELECT flow, date_trunc('hour', \"time\") AS hour, count(*) AS n, "
        f"{_PLACES} AS places FROM period WHERE type = 'record.rejected' AND flow IS NOT NULL GROUP BY ALL), "
        "span AS (SELECT greatest(1, date_diff('hour', min(\"time\"), max(\"time\"))) AS all_hours FROM period) "
        "SELECT flow || ' ' || hour, hour, n || ' rejected in flow ' || flow, places, NULL FROM hours h, span "
        f"WHERE n >= {PEAK[0]} AND n > {PEAK[1]} * (SELECT CASE WHEN count(*) * 2 < all_hours THEN 0 ELSE median(n) END FROM hours o "
        "WHERE o.flow = h.flow)",
    ),
    Rule(
        "unsealed", f"The sealer was away for more than {SILENT // 60} minutes: what came meanwhile was sealed late",
        "Its host's and its own log",
        "SELECT log || ' ' || id, \"time\", 'away for ' || round(epoch(\"time\" - before) / 60)::INT || ' min', [log || ' ' || id], NULL FROM "
        "(SELECT *, lag(\"time\") OVER (PARTITION BY log ORDER BY seq) AS before, lag(type) OVER (PARTITION BY log ORDER BY "
        "seq) AS last FROM period WHERE type IN ('sealer.started', 'sealer.stopped')) WHERE type = 'sealer.started' AND "
        f"last = 'sealer.stopped' AND epoch(\"time\" - before) > {SILENT}",
    ),
    Rule(
        "policy-changed",
        "A policy came into force",
        "`panlock policy show` says what it changed, and who approved it",
        "SELECT bundle, min(\"time\"), 'bundle ' || left(bundle, 16) || '…, put in force by ' || any_value(person), "
        f"{_PLACES}, list(DISTINCT person) FROM (SELECT *, event->>'$.resource.bundle' AS bundle FROM period WHERE "
        "type = 'policy.applied') GROUP BY bundle",
    ),
    Rule(
        "revealed", "A person read encrypted values",
        "Does the case that their reason names exist?",
        f"SELECT day || ' ' || person, min(\"time\"), person || ' read ' || count(*) || ' values', {_PLACES}, [person] FROM period "
        "WHERE type = 'value.revealed' GROUP BY day, person",
    ),
    Rule(
        "key-new", "A key was used that was not used before",
        "Was there a rotation? `came from file` is not for real card data",
        "SELECT k.kind || ' ' || k.key_id, min(\"time\"), 'key ' || k.kind || '/' || left(k.key_id, 16) || ' from ' || any_value(k.came_from), "
        f"{_PLACES}, NULL FROM (SELECT *, event->>'$.key.kind' AS kind, event->>'$.key.id' AS key_id, event->>'$.key.from' AS came_from "
        "FROM period WHERE type = 'key.first-used') k GROUP BY k.kind, k.key_id",
    ),
    Rule(
        "rubber-stamp", f"A record was approved within {STAMP} seconds of its hold",
        "Nobody reads that fast: ask the approver",
        f"SELECT d.log || ' ' || d.id, d.\"time\", d.person || ' approved ' || d.record || ' after ' || round(epoch(d.\"time\" - h.\"time\"), 1) "
        "|| ' s', [d.log || ' ' || d.id], [d.person] FROM period d JOIN events h ON h.record = d.record AND h.type = 'record.held' "
        f"WHERE d.type = 'decision.accepted' AND d.decision = 'approve' AND epoch(d.\"time\" - h.\"time\") < {STAMP}",
    ),
    Rule(
        "always-yes", f"A person approved at least {ALWAYS} records of one rule in a month and denied none",
        "Look at some of them together",
        f"SELECT strftime(\"time\", '%Y-%m') || ' ' || person || ' ' || rule, min(\"time\"), person || ' approved ' || count(*) || ' under ' || "
        f"rule || ', and denied none', {_PLACES}, [person] FROM period WHERE type = 'decision.accepted' GROUP BY strftime(\"time\", '%Y-%m'), person, rule "
        f"HAVING count(*) >= {ALWAYS} AND count(*) FILTER (decision <> 'approve') = 0",
    ),
    Rule(
        "identity-denied", "An operator refused a producer, a person or a key",
        "Is the reason still true, and was the key replaced?",
        "SELECT coalesce(event->>'$.proof.message', log || ' ' || id), min(\"time\"), any_value(person) || ' denied ' || "
        f"any_value(event->>'$.denied'), {_PLACES}, list(DISTINCT person) FROM period WHERE type = 'identity.denied' GROUP BY 1",
    ),
)  # fmt: skip
