"""report.html: one page that needs nothing else, neither a network nor a script. All text is escaped (Jinja2)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from agents.evidence.figures import figures
from agents.evidence.insiders import INSIDERS
from agents.evidence.requirements import ALARMS, REQUIREMENTS
from agents.evidence.standing import Sheet
from agents.review.findings import Finding
from agents.search.cache import Coverage
from agents.search.engine import Connection, SearchError
from pipeline.policy import Policy

SHOWN = 40  # rows of a table; the files have all


class Tile(NamedTuple):
    name: str
    value: int
    bad: bool = False


def render(
    connection: Connection, policy: Policy, coverage: Coverage, found: Sequence[Finding],
    sheets: Mapping[str, Sheet], facts: Mapping[str, Any],
) -> bytes:  # fmt: skip
    """`facts`: since, until (datetimes), proofs, made, version. Raises SearchError where Jinja2 is missing."""
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise SearchError("the report takes Jinja2: pip install 'panlock[evidence]'") from error
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["code"] = _code
    page = environment.from_string((files("agents.evidence") / "report.html.j2").read_text())
    rows = connection.execute(ALARMS.sql).fetchall()
    until: datetime = facts["until"]
    text = page.render(
        application=policy.application,
        policy=policy,
        coverage=coverage,
        sealed=sum(coverage.events.values()),
        tiles=_tiles(connection, found),
        figures=figures(connection, until),
        findings=sorted(found, key=lambda each: (each.acknowledged is not None, each.time)),
        alarms=[(time, type_, f"{log} {id_}", what or reason) for time, log, id_, type_, _, what, reason in rows],
        requirements=REQUIREMENTS,
        roles=sheets["roles"].rows,
        insiders=INSIDERS,
        shown=SHOWN,
        **{**facts, "since": f"{facts['since']:%Y-%m-%d %H:%M}", "until": f"{until:%Y-%m-%d %H:%M}"},
    )
    return text.encode()


def _code(text: str) -> Markup:
    """Escaped, and what stands in backticks as code: for our own texts."""
    parts = [escape(each) for each in text.split("`")]
    return Markup("").join(Markup("<code>{}</code>").format(each) if n % 2 else each for n, each in enumerate(parts))


def _tiles(connection: Connection, found: Sequence[Finding]) -> list[Tile]:
    counts = dict(
        connection.execute("SELECT outcome, count(*) FROM period WHERE type LIKE 'record.%' GROUP BY 1").fetchall()
    )
    (places,) = connection.execute("SELECT coalesce(sum(places), 0)::BIGINT FROM period_findings").fetchone()
    (decided,) = connection.execute("SELECT count(*) FROM period WHERE type = 'decision.accepted'").fetchone()
    unanswered = sum(each.acknowledged is None for each in found)
    return [
        Tile("records released", counts.get("released", 0)),
        Tile("held for people", counts.get("held", 0)),
        Tile("rejected", counts.get("rejected", 0)),
        Tile("places masked", places),
        Tile("decisions of people", decided),
        Tile("findings open", unanswered, unanswered > 0),
    ]
