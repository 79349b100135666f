"""The pack as files, by name: a folder for each requirement, the report, and the hashes of all."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agents.evidence.cells import as_csv
from agents.evidence.requirements import REQUIREMENTS, Requirement, Table
from agents.evidence.signed import NOTE, SUMS, note_over, sums_of
from agents.evidence.standing import Sheet
from agents.review.findings import Finding
from agents.search.engine import Connection, SearchError

Files = dict[str, bytes]


def folders(connection: Connection, sheets: Mapping[str, Sheet], proofs: Mapping[str, bytes]) -> Files:
    """Of all requirements. `proofs`: by file name."""
    return {name: content for each in REQUIREMENTS for name, content in _folder(each, connection, sheets, proofs)}


def _folder(
    requirement: Requirement, connection: Connection, sheets: Mapping[str, Sheet], proofs: Mapping[str, bytes]
) -> Iterator[tuple[str, bytes]]:
    tables = [(each.name, _asked(connection, each)) for each in requirement.tables]
    tables += [(name, sheets[name]) for name in requirement.policy]
    told = proofs if requirement.proofs else {}
    yield f"{requirement.number}/README.md", _readme(requirement, tables, len(told))
    for name, sheet in tables:
        yield f"{requirement.number}/{name}.csv", as_csv(sheet.names, sheet.rows)
    for name, content in told.items():
        yield f"{requirement.number}/proofs/{name}", content


def _asked(connection: Connection, table: Table) -> Sheet:
    cursor = connection.execute(table.sql)
    return Sheet(table.about, [each[0] for each in cursor.description], cursor.fetchall())


def _readme(requirement: Requirement, tables: Sequence[tuple[str, Sheet]], proofs: int) -> bytes:
    lines = [f"# PCI DSS v4.0.1, {requirement.number}: {requirement.title}", "", requirement.shows, "", "## Data", ""]
    lines += [f"- `{name}.csv` ({len(sheet.rows)} rows): {sheet.about}" for name, sheet in tables]
    if proofs:
        lines.append(
            f"- `proofs/` ({proofs} files): all events of one record each, with their proof; or why there is none"
        )
    lines += ["", "## How to check", "", requirement.check, "", "## What remains yours", "", requirement.yours, ""]
    return "\n".join(lines).encode()


def review_sheet(found: Sequence[Finding]) -> Sheet:
    return Sheet(
        "a finding of a rule, and what a person said about it",
        ("finding", "rule", "time", "what", "events", "state", "acknowledged_by", "acknowledged_at", "reason", "event"),
        [(each.id, each.rule.name, each.time, each.what, each.events, *_state(each)) for each in found],
    )


def _state(finding: Finding) -> Sequence[object]:
    said = finding.acknowledged
    return (
        ("open", None, None, None, None)
        if said is None
        else ("acknowledged", said.person, said.time, said.reason, said.event)
    )


def write(out: Path, files: Files, key: Ed25519PrivateKey | None) -> None:
    """Into a directory that is not there yet, or is empty; `key` signs for it. Raises SearchError."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SearchError(f"{out} is not empty: name a directory of its own for each pack")
    sums = sums_of(files)
    note = {} if key is None else {NOTE: note_over(sums, key)}
    for name, content in {**files, SUMS: sums, **note}.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
