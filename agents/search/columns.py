"""What a table has of an event. The event itself, as it was written, is the last column: what a hash can be taken of.

A row of `events`: log (`<topic>/<partition>`), seq, id, time (UTC), type, outcome, reason, principal, person, worker,
key, certificate, record, flow, topic, sha256, policy, rule, decision, people, masking, masking_more, event, day.
A row of `findings`: one place that was masked: time, record, flow, principal, outcome, class, path, strategy, by.
"""

_SHAPE = """{
 "id":"VARCHAR","seq":"BIGINT","time":"VARCHAR","type":"VARCHAR","outcome":"VARCHAR","reason":"VARCHAR",
 "policy":"VARCHAR",
 "actor":{"principal":"VARCHAR","person":"VARCHAR","worker":"VARCHAR","key":"VARCHAR","certificate":"VARCHAR"},
 "resource":{"record":"VARCHAR","flow":"VARCHAR","topic":"VARCHAR","sha256":"VARCHAR"},
 "grant":{"flow":"VARCHAR","rule":"VARCHAR"},
 "approval":{"rule":"VARCHAR","decision":"VARCHAR","people":["VARCHAR"]},
 "masking":[{"class":"VARCHAR","path":"VARCHAR","strategy":"VARCHAR","by":"VARCHAR"}],
 "masking_more":"MAP(VARCHAR,BIGINT)"
}"""

# of $spool, a file of events, a line each; $log names the log, for an event knows its lane and not its topic
FROM_SPOOL = f"""
SELECT log, e.seq, e.id, e."time"::TIMESTAMP AS "time", e."type", e.outcome, e.reason,
  e.actor.principal AS principal, e.actor.person AS person, e.actor.worker AS worker, e.actor."key" AS "key",
  e.actor.certificate AS certificate, e.resource.record AS record,
  coalesce(e.resource.flow, e."grant".flow, nullif(split_part(e.resource.record, '.', 2), '')) AS flow,
  e.resource.topic AS topic, e.resource.sha256 AS sha256, e.policy AS policy,
  coalesce(e.approval.rule, e."grant".rule) AS "rule", e.approval.decision AS decision, e.approval.people AS people,
  e.masking AS masking, e.masking_more AS masking_more, event, strftime(e."time"::TIMESTAMP, '%Y-%m-%d') AS day
FROM (SELECT $log AS log, json::VARCHAR AS event, from_json(json, '{_SHAPE}') AS e
      FROM read_ndjson_objects($spool, maximum_object_size = 1048576))
WHERE e."time" >= $since
"""  # noqa: S608  # a constant

_TYPES = {
    "seq": "BIGINT", "time": "TIMESTAMP", "people": "VARCHAR[]", "masking_more": "MAP(VARCHAR, BIGINT)",
    "masking": 'STRUCT("class" VARCHAR, path VARCHAR, strategy VARCHAR, "by" VARCHAR)[]',
}  # fmt: skip
COLUMNS = (
    "log", "seq", "id", "time", "type", "outcome", "reason", "principal", "person", "worker", "key", "certificate",
    "record", "flow", "topic", "sha256", "policy", "rule", "decision", "people", "masking", "masking_more", "event",
    "day",
)  # fmt: skip
_TYPED = (f'NULL::{_TYPES.get(name, "VARCHAR")} AS "{name}"' for name in COLUMNS)
EMPTY = f"SELECT {', '.join(_TYPED)} WHERE false"  # constants

VIEWS = """
CREATE VIEW findings AS
SELECT log, seq, "time", day, "type", outcome, record, flow, principal, f."class" AS "class", f.path AS path,
  f.strategy AS strategy, f."by" AS "by", 1 AS places
FROM (SELECT *, unnest(masking) AS f FROM events)
UNION ALL
SELECT log, seq, "time", day, "type", outcome, record, flow, principal, m."key", NULL, NULL, NULL, m."value"
FROM (SELECT *, unnest(map_entries(masking_more)) AS m FROM events)
"""
