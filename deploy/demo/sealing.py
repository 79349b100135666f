"""The audit's own keys, the sealer, and what an auditor makes of it: an export verified, one record's life proven."""

import json
import shutil
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import orjson

from deploy.demo import outside
from deploy.demo.commands import Commands
from deploy.demo.people import write_config
from deploy.demo.run import Run
from deploy.demo.told import expect, until

KEYS = {"WORKERS": "worker.audit.pem", "SEALER": "sealer.audit.pem", "BROKERS": "brokers.audit.pem"}


def make_audit_keys(directory: Path, commands: Commands) -> dict[str, dict[str, str]]:
    """The public JWK of each, by the name that the policy's template has."""
    words = {name: ("audit", "key", "--out", str(directory / file), "--json") for name, file in KEYS.items()}
    return {name: orjson.loads(commands.run(*each).stdout)["jwk"] for name, each in words.items()}


def start_sealer(run: Run) -> None:
    """`panlock sealer`, with a certificate, a key and a log of its own."""
    place = run.directory / "workers"
    config = write_config(
        place / "sealer.yaml",
        kafka=run.cluster.config("panlock-sealer"),
        store="sealer",
        audit_key=str(run.directory / KEYS["SEALER"]),
        genesis=run.genesis,
        **outside.config(run),
    )
    words = ("sealer", "--policy", str(run.policy_file), "--config", str(config), "--development")
    run.sealer = run.place.panlock([*words], place / "sealer.log")
    run.closing.callback(run.sealer.kill)


def seal(run: Run) -> None:
    """All that the worker left, sealed; the sealer ends in order."""
    count = len(run.events())
    until("a sealer that has read the whole audit", lambda: _read(run) >= count)
    code = run.sealer.stop()
    expect(code == 0, f"the sealer ended with code {code}; see {run.directory / 'workers' / 'sealer.log'}")
    run.note(f"{count} events: their signatures hold, their trees are signed")


def _read(run: Run) -> int:
    """Events of the workers that the sealer has read."""
    code = run.sealer.code
    expect(code is None, f"the sealer ended with code {code}; see {run.directory / 'workers' / 'sealer.log'}")
    try:
        port = int((run.directory / "workers" / "sealer" / "web.port").read_text())
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/logs", timeout=5) as answer:
            logs: list[Mapping[str, object]] = json.load(answer)["logs"]
    except (OSError, ValueError):
        return 0
    lanes = [each for each in logs if "panlock.audit/" in str(each["log"])]
    return sum(int(str(each["sealed"])) + int(str(each["unsealed"])) for each in lanes)


def export(run: Run, config: Path) -> None:
    """The export, verified without Kafka, and the life of one record that two people released."""
    place, policy = str(run.directory / "export"), ("--policy", str(run.policy_file))
    made = orjson.loads(run.commands.run("audit", "export", place, *policy, "--config", str(config), "--json").stdout)
    report = orjson.loads(run.commands.run("audit", "verify", "--export", place, *policy, "--json").stdout)
    expect(report["ok"] is True, f"the export is not whole: {report}")
    run.note(f"{made['exported']} events exported as tlog-tiles, and verified there without Kafka")
    outside.stamp(run, place)
    record = next(event["resource"]["record"] for event in run.events() if event["type"] == "decision.accepted")
    proof = str(run.directory / "proof.json")
    run.commands.run("audit", "prove", record, *policy, "--export", place, "--out", proof)
    checked = orjson.loads(run.commands.run("audit", "check", proof, *policy, "--json").stdout)
    told = ", ".join(event["type"] for event in checked["events"])
    expect("decision.accepted" in told, f"the proof of {record} has other events: {told}")
    run.note(f"the life of {record}, proven and checked offline: {told}")


def keep(run: Run) -> None:
    """What an auditor would take away, for whoever wants to look at it: everything else of this run goes."""
    kept = run.directory.parent / "audit"
    shutil.rmtree(kept, ignore_errors=True)
    for name in ("export", "evidence"):
        shutil.copytree(run.directory / name, kept / name)
    for name in ("proof.json", run.policy_file.name, "ca.pem", outside.AUTHORITY):  # the policy refers to both
        shutil.copyfile(run.directory / name, kept / name)
    place = kept.relative_to(run.directory.parents[1])
    run.note(f"$ panlock audit verify --export {place}/export --policy {place}/policy.yaml")
    run.note(f"$ panlock audit check {place}/proof.json --policy {place}/policy.yaml")
    run.note(f"look at {place}/evidence/report.html")
