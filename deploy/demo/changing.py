"""Steps in which people fix the policy, and change it."""

from deploy.demo.commands import shown
from deploy.demo.people import pin
from deploy.demo.run import Run
from deploy.demo.told import expect, until
from deploy.demo.workers import WorkerProcess, wait_shared
from pipeline.policy.bundle import load_bundle

BEFORE, AFTER = "expires: 15m", "expires: 1h"


def fix(run: Run) -> None:
    """The first bundle, whose hash all workers and people have in their configuration."""
    words = ("init", "--policy", str(run.policy_file))
    run.people["ana"].run(run.commands, *words)
    run.genesis = load_bundle(run.policy_file).hash
    pin(run.people, run.genesis)
    run.note(f"ana$ {shown(*words)}: genesis {run.genesis[:16]}…, which every worker is given")


def change(run: Run) -> None:
    """Ben proposes; a worker refuses it until Ana and Carla have approved it and it is applied; then w3 takes over."""
    proposed = run.directory / "next.yaml"
    text = run.policy_file.read_text()
    proposed.write_text(text.replace("version: 1\n", "version: 2\n", 1).replace(BEFORE, AFTER, 1))
    _say(run, "ben", "propose", str(proposed), "--reason", "the treasury answers within the hour")
    _say(run, "ana", "approve", "--reason", "agreed with the treasury")
    early = start(run, "early", proposed.name)
    _say(run, "carla", "approve", "--reason", "as ana")
    code = until("the worker that was started too early ends", early.ended)
    expect(code == 2, f"a worker ran a policy that is not in force, or failed otherwise: {code}\n{early.tail()}")
    run.note(f"a worker that is given it too early: {early.tail().splitlines()[-1].rpartition(' is: ')[2]}")
    _say(run, "carla", "apply")
    _take_over(run, start(run, "w3", proposed.name))
    events = [event for event in run.events() if event["type"].startswith("policy.") and "version" in event["resource"]]
    said = {(event["type"], event["actor"]["person"]) for event in events if event["resource"]["version"] == 2}
    wanted = {("policy.approved", "ana@pay.example"), ("policy.approved", "carla@pay.example")}
    expect(wanted < said, f"the audit does not say who approved version 2: {sorted(said)}")
    run.note("w3 runs it, w2 has ended; each lane's audit holds the proposal, both approvals and the application")


def start(run: Run, name: str, policy: str) -> WorkerProcess:
    kafka, place = run.cluster.config("panlock-worker"), run.directory
    worker = WorkerProcess(run.place, name, place / "workers", place / policy, kafka, place, run.genesis)
    run.closing.callback(worker.kill)
    return worker


def _take_over(run: Run, new: WorkerProcess) -> None:
    former = run.workers.pop("w2")
    run.workers[new.name] = new
    wait_shared((former, new), run.policy.lanes)
    code = former.stop()
    expect(code == 0, f"w2 ended with code {code}; its log ends:\n{former.tail()}")
    wait_shared((new,), run.policy.lanes)


def _say(run: Run, person: str, *words: str) -> None:
    answer = run.people[person].run(run.commands, "policy", *words)
    run.note(f"{person}$ {shown('policy', *words)}")
    for line in answer.stderr.splitlines():
        if "weaker" in line or "approved" in line:
            run.note(f"    {line}")
