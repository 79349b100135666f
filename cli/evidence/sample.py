"""Which records a pack proves: some of each outcome, chosen by a seed, so that nobody could have chosen them."""

import asyncio
from pathlib import Path
from typing import NamedTuple

from agents.search.engine import Connection
from cli.audit.keys import places, verifiers
from cli.audit.sealed_log import from_export, from_topics
from cli.config import load_config
from cli.kafka import told
from pipeline.audit import proof
from pipeline.audit.proof import Life
from pipeline.policy.bundle import Bundle
from pipeline.policy.topics import AUDIT
from pipeline.record import RecordId

_CHOSEN = """
SELECT record FROM (SELECT record, kind, row_number() OVER (PARTITION BY kind ORDER BY sha256(record || $seed)) AS n
  FROM
  (SELECT record, CASE WHEN bool_or(type = 'record.held') THEN 'held' ELSE any_value(outcome) END AS kind
   FROM period WHERE type LIKE 'record.%' AND record IS NOT NULL GROUP BY record)) WHERE n <= $count ORDER BY record
"""


class Sampled(NamedTuple):
    """`each`: how many of those that were held, released at once, and rejected at once."""

    each: int
    seed: str


def sampled(
    connection: Connection, found: list[Bundle], wanted: Sampled, export: str | None, config: Path | None
) -> dict[str, bytes]:
    """Proofs, by file name. Raises NotProvenError, and what the log cannot be read for."""
    records = connection.execute(_CHOSEN, {"count": wanted.each, "seed": wanted.seed}).fetchall()
    return {f"{record.replace('/', '_')}.json": prove(record, found, export, config) for (record,) in records}


def prove(record: str, found: list[Bundle], export: str | None, config: Path | None) -> bytes:
    """As `panlock audit prove` does."""
    keys, life = verifiers(found), Life(record)
    place = places(found)[RecordId.parse(record).partition % found[0].policy.lanes]
    if export is not None:
        log = from_export(export, place, keys, life)
    else:
        settings = load_config(config)
        with told(settings.kafka, f"read {AUDIT}"):
            log = asyncio.run(from_topics(settings.kafka, place, keys, life))
    made = proof.prove(life, log.checkpoint, log.manifest, log.size, log.roots)
    proof.check(made, keys)
    return made
