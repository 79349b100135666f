"""`panlock audit verify`: replays the audit topic and says whether it is whole."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.table import Table

from agents.cluster import identify
from agents.restore import reader as consumer
from agents.sealer.published import Published, published
from cli.audit.attested import Attested, attested
from cli.audit.beside import compare
from cli.audit.exported import export_reports, show_export
from cli.audit.keys import PolicyOption, bundles, places, verifiers
from cli.config import ConfigOption, Settings, load_config
from cli.kafka import told
from cli.output import JsonOption, plain, print_json, print_table, progress, say
from cli.reading import reader
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.clocks import Clocks, Skew
from pipeline.audit.manifest import Manifest
from pipeline.audit.note import Verifier
from pipeline.audit.origin import origin
from pipeline.audit.signature import keys_of
from pipeline.audit.verify import KINDS, Report, Signed
from pipeline.audit.verify import Verifier as Replay
from pipeline.policy.topics import AUDIT

LANES = 512  # at most, as the policy has it
SILENCE = timedelta(minutes=5)  # it says something each minute, also while nothing happens
SHOWN = 50  # troubles of each kind in the table; --json has a thousand


def verify(
    config: ConfigOption = None,
    policy: PolicyOption = None,
    export: Annotated[str | None, typer.Option(help="An export to verify instead of the topic: DIR, s3://…")] = None,
    as_json: JsonOption = False,
) -> None:
    """Every lane's chain from its log start to its end: gaps, breaks, repeated keys, tombstones, signatures.

    Exit 1 if anything is wrong. Whose signatures count says the policy, or, where the configuration has `genesis:`,
    every policy that people have put in force. With neither, signatures are not checked, and that is said. An export is
    verified to its checkpoints and manifest, and, where there is a configuration, each event compared with the topics;
    with --policy alone that needs no Kafka.
    """
    if export is not None:
        known = None if policy is not None and config is None else load_config(config)
        found = bundles(known, policy)
        reports = export_reports(export, places(found), verifiers(found))
        beside = None
        if known is not None and all(each.wrong is None for each in reports):
            with told(known.kafka, f"read {AUDIT}"):
                beside = asyncio.run(compare(known.kafka, export, places(found), verifiers(found)))
        raise typer.Exit(0 if show_export(reports, beside, as_json) else 1)
    settings = load_config(config)
    found = bundles(settings, policy)
    jwks = [key for each in found for key in each.policy.audit.worker_keys]
    with told(settings.kafka, f"read {AUDIT}"):
        lanes = None if policy is None else found[0].policy.lanes
        sealed = asyncio.run(_sealed(settings, verifiers(found)))  # first: the logs have at least that
        others = Attested({}, (), None, ()) if sealed is None else attested(sealed, found)
        clocks = Clocks() if sealed is None else sealed.clocks
        report, witnessed = asyncio.run(_replay(settings, lanes, jwks, sealed, others, clocks))
    silent = sealed is not None and _silent(sealed.manifest)
    stopped = silent and report.events > (report.sealed or 0)
    ok = report.ok and not silent and not clocks.found and not others.wrong
    if as_json:
        last = None if sealed is None or sealed.manifest is None else sealed.manifest.time
        skew = [each._asdict() for each in clocks.found]
        seal = {"manifest": last, "silent": silent, "stopped": stopped, "skew": skew}
        print_json({**report.json(), "ok": ok, **seal, **others.json(witnessed)})
    else:
        _show(report, sealed, silent, clocks.found)
        if sealed is not None:
            others.show(witnessed, report.events)
        _conclude(ok, report.ok)
    raise typer.Exit(0 if ok else 1)


async def _sealed(settings: Settings, sealer: Sequence[Verifier]) -> Published | None:
    """None where nobody seals. Raises SplitViewError."""
    if not sealer:
        return None
    async with consumer(settings.kafka) as reading:
        return await published(reading, sealer)


def _silent(manifest: Manifest | None) -> bool:
    """Whether the sealer has said nothing for too long: what came since stands on the workers' signatures alone."""
    now = datetime.now(UTC)
    return manifest is None or now - datetime.fromisoformat(manifest.time) > SILENCE


async def _replay(
    settings: Settings,
    lanes: int | None,
    jwks: Sequence[Mapping[str, str]],
    sealed: Published | None,
    others: Attested,
    clocks: Clocks,
) -> tuple[Report, int]:
    """Also how many events witnesses know."""
    cluster = (await identify(settings.kafka, ())).cluster_id
    signed = Signed(cluster, keys_of(jwks)) if jwks else None
    checkpoints = None if sealed is None else _of_lanes(cluster, {k: v.checkpoint for k, v in sealed.logs.items()})
    cosigned = _of_lanes(cluster, others.cosigned)
    async with reader(settings) as source:
        log = await source.log(AUDIT)
        verifier = Replay(len(log.starts) if lanes is None else lanes, signed, checkpoints, cosigned)
        verifier.first_offsets(log.starts)
        with progress("offsets") as bar:
            task = bar.add_task(f"replaying {AUDIT}", total=log.length)
            reached = dict(log.starts)
            async for records in source.read(log):
                if records:
                    clocks.events(f"{AUDIT}/{records[0].partition}", records)
                    verifier.add_all(records[0].partition, records)
                    reached[records[0].partition] = records[-1].offset + 1
                bar.update(task, completed=sum(reached.values()) - sum(log.starts.values()))
    return verifier.report(), verifier.witnessed


def _of_lanes(cluster: str, checkpoints: Mapping[str, Checkpoint]) -> dict[int, Checkpoint]:
    lanes = {origin(cluster, AUDIT, lane): lane for lane in range(LANES)}
    return {lanes[name]: each for name, each in checkpoints.items() if name in lanes}


def _show(report: Report, sealed: Published | None, silent: bool, skews: Sequence[Skew]) -> None:
    table = Table("lane", "seq", "kind", "what")
    for kind in KINDS:
        for trouble in report.troubles[kind][:SHOWN]:
            table.add_row(str(trouble.lane), str(trouble.seq), kind, plain(trouble.what))
    if table.row_count:
        print_table(table)
    counts = ", ".join(f"{len(report.troubles[kind]) + report.more[kind]} {kind}" for kind in KINDS)
    say(f"{report.events} events in {report.present} of {report.expected} lanes: {counts}")
    if report.signatures is None:
        say("signatures were NOT checked: name the policy (--policy), or write its `genesis:` into the configuration")
    else:
        say(f"{report.signatures} signatures of workers hold")
    if report.sealed is not None:
        unsealed = report.events - report.sealed
        say(f"{report.sealed} events are those of the sealer's last checkpoints, {unsealed} are not sealed yet")
    if sealed is not None and silent:
        since = "at all" if sealed.manifest is None else f"since {sealed.manifest.time}"
        say(f"the sealer has said nothing {since}: see whether it runs (`panlock sealer`, its /readyz)")
        if report.events > (report.sealed or 0):
            count = report.events - (report.sealed or 0)
            say(f"sealer stopped: {count} events stand on the workers' signatures alone")
    for place, what in skews[:SHOWN]:
        say(f"clock skew: {place}: {what}")


def _conclude(ok: bool, whole: bool) -> None:
    if not whole:
        say("the log is NOT whole: keep the topic as it is, and find out who could write it")
    else:
        say("the log is whole" if ok else "the log is whole, but what is said above is to be looked at")
