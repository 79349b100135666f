"""Which records a pack proves: some of each outcome, chosen by a seed, so that nobody could have chosen them."""

from pathlib import Path
from typing import NamedTuple

from agents.search.engine import Connection
from cli.audit.prove import proven
from pipeline.audit.claims.material import NotProvenError
from pipeline.policy.bundle import Bundle

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
    """Proofs, by file name; where one cannot be made, why not. Raises what the log cannot be read for."""
    records = connection.execute(_CHOSEN, {"count": wanted.each, "seed": wanted.seed}).fetchall()
    return dict(_proven(record, found, export, config, connection) for (record,) in records)


def _proven(
    record: str, found: list[Bundle], export: str | None, config: Path | None, connection: Connection
) -> tuple[str, bytes]:
    name = record.replace("/", "_")
    try:
        return f"{name}.json", proven(record, found, export, config, connection)[1]
    except NotProvenError as error:
        return f"{name}.not-proven.txt", f"{record} is not proven: {error}\n".encode()
