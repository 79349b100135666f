"""After the story: the table, the search, and `panlock audit verify`."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from deploy.demo import accesses, evidence, outside, replaying, sealing
from deploy.demo.cards import CARDS
from deploy.demo.clients import ends, in_bytes, read_all, topics
from deploy.demo.people import write_config
from deploy.demo.reckoning import check_whole, ended, rows, table
from deploy.demo.run import CHECKOUT, REFUNDS, Run
from deploy.demo.search import Needle, found, needles
from deploy.demo.told import expect
from pipeline.policy.topics import ACCESS, BROKER_AUDIT


def tell(run: Run) -> None:
    with run.narrator.work("a person with the role replays what refunds wrote"):
        replaying.replay(run)
    with run.narrator.work("the worker ends in order"):
        (worker,) = run.workers.values()
        code = worker.stop()
        expect(code == 0, f"{worker.name} ended with code {code}; its log ends:\n{worker.tail()}")
    with run.narrator.work("who read, and who was refused, as the broker counted it"):
        accesses.tell(run)
    with run.narrator.work("the sealer has sealed all of the audit, and ends in order"):
        sealing.seal(run)
    reckon(run)
    config = write_config(run.directory / "auditor.yaml", kafka=run.cluster.config("panlock-auditor"))
    with run.narrator.work("the audit is exported, and verified and proven from there"):
        sealing.export(run, config)
    with run.narrator.work("the audit is searched, and an evidence pack is made for an assessor"):
        evidence.ask(run)
    search(run)
    with run.narrator.work("the scanner looks at all that Panlock has emitted"):
        evidence.scan(run)
    verify(run, config)
    with run.narrator.work("an export, a proof and the evidence pack are kept, to be looked at"):
        sealing.keep(run)
        replaying.keep(run, run.directory.parent / "audit")


def reckon(run: Run) -> None:
    """Every record that went in has exactly one end, and what was released came out once and in order."""
    with run.narrator.work("every record has one end, and what was released came out once and in order"):
        outcomes, clean = ended(run.events()), run.clean() + [each for _, _, found in run.others for each in found]
        topics_ = (CHECKOUT, REFUNDS, *(topic for _, topic, _ in run.others))
        batches = run.batches + [batch for batch, _, _ in run.others]
        admin = run.kafka("admin")
        check_whole({topic: ends(admin, topic) for topic in topics_}, outcomes, clean)
        shown = table(rows(batches, outcomes, clean), run.refused)
    run.narrator.table(shown)


def search(run: Run) -> None:
    """Raises NotAsToldError that names where something was found, and never what."""
    wanted = needles(CARDS)
    with run.narrator.work(
        "every byte of every topic but checkout's quarantine, searched for each card number and CVV"
    ):
        written = b"\n".join(each.key.encode() + b"\n" + each.value for each in run.written)
        missed = {needle.name for needle in wanted} - found(written, wanted)
        expect(not missed, f"the search itself does not find what the producers wrote: {missed}")
        run.note(f"it finds all {len(wanted)} in what the producers wrote")
        bytes_, places = _search_all(topic_bytes(run), wanted)
        run.note(f"none in {bytes_:,} bytes of {places} topics: keys, values, headers, uncommitted too")
        bytes_, places = _search_all(disk_bytes(run), wanted)
        run.note(f"none in {bytes_:,} bytes on disk: segments, workers' logs and stores, all that commands said")


COUNTED = (
    ACCESS,
    BROKER_AUDIT,
)  # what brokers count: any number is there by chance, so card numbers alone are looked for


def _search_all(everything: Iterable[tuple[str, list[bytes]]], wanted: list[Needle]) -> tuple[int, int]:
    size = places = 0
    for place, parts in everything:
        places += 1
        counted = any(topic in place for topic in COUNTED)
        for part in parts:
            size += len(part)
            seen = found(part, [each for each in wanted if not each.short] if counted else wanted)
            expect(not seen, f"{place} holds {', '.join(sorted(seen))}")
    return size, places


def topic_bytes(run: Run) -> Iterator[tuple[str, list[bytes]]]:
    """As the super user, who may read all: Kafka's own topics too."""
    admin = run.kafka("admin")
    for topic in sorted(topics(admin)):
        if topic != CHECKOUT:  # written by a plain client; the others' is sealed
            messages = read_all(admin, topic, "demo-search", "read_uncommitted")
            yield topic, [part for message in messages for part in in_bytes(message)]


def disk_bytes(run: Run) -> Iterator[tuple[str, list[bytes]]]:
    """What the broker and the workers have written, and what the commands have printed."""
    logs = run.kafka_directory.rglob("*.log")
    segments = [file for file in logs if not file.parent.name.startswith(f"{CHECKOUT}-")]
    written = [file for place in ("workers", "export", "evidence") for file in (run.directory / place).rglob("*")]
    for file in sorted([*segments, *written, run.directory / "proof.json", run.directory / replaying.NAME]):
        if file.is_file():
            yield str(file.relative_to(run.directory)), [file.read_bytes()]
    for command, printed in run.commands.said:
        yield f"the output of `{command}`", [printed]


def verify(run: Run, config: Path) -> None:
    words = ("audit", "verify", "--json", "--policy", str(run.policy_file), "--config", str(config))
    with run.narrator.work("panlock audit verify"):
        report = orjson.loads(run.commands.run(*words).stdout)
        expect(report["ok"] is True, f"the audit is not whole: {report}")
        expect(report["events"] == len(run.events()), "the audit has other events than an auditor reads in it")
        lanes = report["lanes"]
        expect(report["sealed"] == report["events"], f"{report['sealed']} of {report['events']} events are sealed")
        run.note(f"{report['signatures']} signatures of workers hold, and every event is the sealed one")
        outside.check(run, report)
        run.note(f"{report['events']} events in {lanes['present']} of {lanes['expected']} lanes, each chain whole")
