"""What an auditor asks of the audit: who approved, the pack for an assessor, and the scanner's word on all of it."""

import hashlib
from collections.abc import Iterator

import orjson

from deploy.demo.clients import read_all, topics
from deploy.demo.run import Run
from deploy.demo.told import expect
from pipeline.audit.leaks import in_text, leaks
from pipeline.policy.topics import AUDIT

SHOWN = 60  # letters of a line that is quoted


def ask(run: Run) -> None:
    """A search, and the pack: both from the export, without Kafka."""
    places = _places(run)
    person = next(event["actor"]["person"] for event in run.events() if event["type"] == "decision.accepted")
    words = ("audit", "search", "--person", person, "--type", "decision.*")
    found = run.commands.run(*words, *places, "--json").stdout.splitlines()
    told = [orjson.loads(line)["event"] for line in found]
    expect(any(event["actor"].get("person") == person for event in told), f"no word of {person} was found")
    run.note(f"$ panlock {' '.join(words)}")
    for event in told[:2]:
        run.note(
            f"    {event['time']} {event['type']} {event['resource'].get('record', '')}: {event['reason'][:SHOWN]}"
        )
    out = run.directory / "evidence"
    made = orjson.loads(run.commands.run("evidence", "--out", str(out), *places, "--from", "1d", "--json").stdout)
    for line in (out / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ", 1)
        expect(hashlib.sha256((out / name).read_bytes()).hexdigest() == digest, f"{name} is not what SHA256SUMS says")
    count = sum(path.is_dir() for path in out.iterdir())
    run.note(
        f"{count} PCI DSS requirements, {made['proofs']} proofs, {made['open']} findings of the review: report.html"
    )


def scan(run: Run) -> None:
    """The kernel's own detector over all that Panlock emitted. Raises NotAsToldError, with the place alone."""
    written = sum(bool(leaks(each.value)) for each in run.written)
    expect(written > 0, "the scanner does not find card data in what the producers wrote")
    count = lines = 0
    for place, event in _events(run):
        count += 1
        expect(not (seen := leaks(event)), f"{place} holds {seen}")
    for place, text in _texts(run):
        lines += text.count(b"\n")
        expect(not (seen := in_text(text)), f"{place} holds {seen[:3]}")
    run.note(f"it finds some in {written} records that producers wrote")
    run.note(f"none in {count} events, nor in {lines:,} lines of logs, answers, tables and evidence")


def _events(run: Run) -> Iterator[tuple[str, bytes]]:
    admin = run.kafka("admin")
    for topic in sorted(topics(admin)):
        if topic == AUDIT or topic.startswith(f"{AUDIT}."):
            for message in read_all(admin, topic, "demo-scan"):
                yield f"{topic}/{message.partition()}/{message.offset()}", message.value()


def _texts(run: Run) -> Iterator[tuple[str, bytes]]:
    """Workers' and the sealer's logs, all that commands have said, the tables' rows, every file of the pack."""
    rows = run.commands.run("audit", "sql", "SELECT * EXCLUDE (event) FROM events", *_places(run), "--json").stdout
    yield "the audit's tables", rows.encode()
    for command, printed in run.commands.said:
        yield f"the output of `{command}`", printed
    logs = (run.directory / "workers").glob("*.log")
    for file in sorted([*logs, *(run.directory / "evidence").rglob("*")]):
        if file.is_file():
            yield str(file.relative_to(run.directory)), file.read_bytes()


def _places(run: Run) -> tuple[str, ...]:
    export, index = str(run.directory / "export"), str(run.directory / "index")
    return "--export", export, "--policy", str(run.policy_file), "--index", index
