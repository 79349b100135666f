"""Carla, who has the role replayers, replays what refunds wrote: told in the audit first, with who decided what."""

import shutil
from pathlib import Path

import orjson

from deploy.demo.commands import shown
from deploy.demo.run import FLOW, Run
from deploy.demo.told import expect

NAME = "session.ndjson"
REASON = "what became of the refunds of today"


def replay(run: Run) -> None:
    """While a worker runs, which makes the audit's event of it."""
    out = run.directory / NAME
    words = ("recordings", "replay", "--flow", FLOW, "--principal", "refunds", "--reason", REASON)
    files = ("--policy", str(run.policy_file), "--out", str(out))
    carla = run.people["carla"]
    carla.run(run.commands, *words, *files)
    told = run.wait_event("recording.read", lambda event: event["type"] == "recording.read")
    expect(told["actor"]["person"] == "carla@pay.example" and told["reason"] == REASON, f"the audit says {told}")
    run.note(f"carla$ {shown(*words)} …: in the audit, by her name and reason, before it was read")
    entries = [orjson.loads(line) for line in out.read_bytes().splitlines()]
    written = [each for each in entries if each["what"] == "written"]
    refused = sum("refused" in each for each in written)
    decisions = [each["actor"]["person"] for each in entries if each["what"] == "decision.accepted"]
    expect(len(written) > 0 and len(decisions) == 3, f"a session of {len(written)} records and {decisions}")
    run.note(
        f"{len(written)} records as they were masked ({refused} of which no byte is kept), and what became of them: "
        f"decisions by {', '.join(decisions)}"
    )


def keep(run: Run, place: Path) -> None:
    shutil.copyfile(run.directory / NAME, place / NAME)
    run.note(f"the replayed session: {(place / NAME).relative_to(run.directory.parents[1])}")
