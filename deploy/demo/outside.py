"""Who speaks for the audit beside the sealer: a time stamp authority and a witness, both for development."""

import shutil
from pathlib import Path
from typing import Any

import orjson

from deploy.demo.run import Run
from deploy.demo.told import expect
from deploy.dev.tsa import dev_tsa, make_authority
from deploy.dev.witness import dev_witness, witness_vkey
from pipeline.audit.note import Verifier, note_name
from pipeline.audit.signature import keys_of

WITNESS = "dev-witness"
AUTHORITY = "tsa.pem"  # beside the policy


def make_keys(directory: Path) -> str:
    """The authority's certificate goes beside the policy; returns the witness's public key. Both before they serve."""
    make_authority(directory / "tsa")
    shutil.copyfile(directory / "tsa" / "ca.pem", directory / AUTHORITY)
    return witness_vkey(directory / "witness", WITNESS)


def start(run: Run) -> None:
    run.tsa = run.closing.enter_context(dev_tsa(run.directory / "tsa")).url
    keys = keys_of(run.policy.audit.sealer_keys).values()
    sealer = [Verifier(note_name(run.policy.application), key) for key in keys]
    run.witness = run.closing.enter_context(dev_witness(run.directory / "witness", WITNESS, sealer)).url
    run.note(f"a time stamp authority and a witness for development: {run.tsa}, {run.witness}")


def config(run: Run) -> dict[str, Any]:
    """What the sealer's configuration has of them."""
    return {"timestamps": {"url": run.tsa}, "witnesses": {WITNESS: run.witness}}


def stamp(run: Run, export: str) -> None:
    """At once, as an auditor would who waits for no sealer."""
    words = ("audit", "timestamp", export, "--url", run.tsa, "--policy", str(run.policy_file), "--json")
    told = orjson.loads(run.commands.run(*words).stdout)
    run.note(f"the export's manifest of {told['manifest']} is stamped: {told['file']}")


def check(run: Run, report: dict[str, Any]) -> None:
    """`report`: of `panlock audit verify`. Raises NotAsToldError."""
    expect(report["witnesses"] == [WITNESS], f"cosigned by {report['witnesses']}: {report['attests']}")
    expect(report["witnessed"] == report["events"], f"{report['witnessed']} of {report['events']} events are cosigned")
    expect(report["timestamp"] is not None, f"no time stamp: {report['attests']}")
    run.note(f"every event is proven against split view: {WITNESS} has cosigned each lane's checkpoint")
    run.note(f"the last manifest was stamped at {report['timestamp']['stamped']} by the authority in the policy")
