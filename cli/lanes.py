"""`panlock lanes`: what each lane does, from its worker; `panlock lanes resume`: an operator lets it go on."""

import json
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from agents.config import load_worker_config
from cli.config import ConfigOption, load_config
from cli.decisions import send
from cli.kafka import cluster_id
from cli.output import JsonOption, print_json, print_table, say
from pipeline.approval.decision import Resume, sign_message
from pipeline.errors import PanlockError

app = typer.Typer(help="What each lane does, and how to let a stopped one go on.")


class WorkerUnreachableError(PanlockError):
    """No worker answers at the address."""


class NoAlarmError(PanlockError):
    """Nobody said which alarm is taken note of."""


WorkerOption = Annotated[
    list[str] | None,
    typer.Option("--worker", help="A worker: its address (http://host:port) or its configuration file. Repeatable."),
]


@app.callback(invoke_without_command=True)
def lanes(context: typer.Context, worker: WorkerOption = None, as_json: JsonOption = False) -> None:
    """Position, lag, inbox, transaction time and owner of each lane, and why it is closed."""
    if context.invoked_subcommand is not None:
        return
    answers = [ask(each) for each in worker or []]
    if not answers:
        raise WorkerUnreachableError("no worker named: say --worker FILE or --worker http://host:port for each")
    if as_json:
        print_json(answers)
        return
    print_table(_table(answers))


def ask(worker: str) -> dict[str, Any]:
    """/lanes of a worker. Raises WorkerUnreachableError."""
    base = worker.rstrip("/")
    if not worker.startswith(("http://", "https://")):
        worker_config = load_worker_config(Path(worker))
        port = worker_config.store / "web.port"
        if not port.exists():
            raise WorkerUnreachableError(f"{port} does not exist: start the worker of {worker}")
        base = f"http://{worker_config.web.host}:{port.read_text().strip()}"
    try:
        with urllib.request.urlopen(f"{base}/lanes", timeout=5) as answer:  # noqa: S310  # http, see above
            found: dict[str, Any] = json.load(answer)
            return found
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise WorkerUnreachableError(f"no worker answers at {base}: is it running?") from error


def _table(answers: list[dict[str, Any]]) -> Table:
    table = Table("lane", "state", "owner", "input", "position", "end", "lag", "behind", "inbox", "transaction")
    for answer in answers:
        for lane in answer["lanes"]:
            state = "[green]open[/]" if lane["why"] is None else f"[red]closed[/]: {lane['why']}"
            if lane["break_glass"]:
                state += f", [red]alarm[/]: {len(lane['break_glass'])} released by break-glass, to review"
            for number, each in enumerate(lane["inputs"]):
                head = [str(lane["lane"]), state, answer["worker"]] if number == 0 else ["", "", ""]
                tail = [str(lane["inbox"]["records"]), f"{1000 * lane['transaction_seconds']:.0f} ms"]
                behind = "" if each["lag_seconds"] is None else f"{each['lag_seconds']:.1f} s"
                place = f"{each['topic']}/{each['partition']}"
                numbers = ["" if each[name] is None else str(each[name]) for name in ("position", "end", "lag")]
                table.add_row(*head, place, *numbers, behind, *(tail if number == 0 else ["", ""]))
    return table


@app.command()
def resume(
    lane: Annotated[int, typer.Argument(help="The lane that stopped.", metavar="LANE")],
    reason: Annotated[str, typer.Option(help="Why it may go on without the lost records. Goes into the audit.")],
    event: Annotated[
        str | None, typer.Option(help="Id of the alarm event that you take note of; default: the lane's, by --worker.")
    ] = None,
    worker: WorkerOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take note of lost input, so that the lane goes on behind it. Needs a person with the role operators."""
    settings = load_config(config)
    alarm = event or _alarm(lane, worker or [])
    key = settings.signatory()
    acknowledgement = Resume(
        cluster=cluster_id(settings),
        lane=lane,
        event=alarm,
        reason=reason,
        jti=str(uuid.uuid4()),
        iat=int(time.time()),
    )
    send(settings, b"resume/%d" % lane, sign_message(key, acknowledgement), lane)
    if as_json:
        print_json({"lane": lane, "event": alarm, "sent": True})
    else:
        say(f"sent; lane {lane} goes on once it has read it (`panlock lanes` shows it)")


def _alarm(lane: int, workers: list[str]) -> str:
    """The alarm of the lane, as its worker tells it. Raises NoAlarmError."""
    for worker in workers:
        for each in ask(worker)["lanes"]:
            if each["lane"] == lane and each["alarm"]:
                return str(each["alarm"])
    raise NoAlarmError(
        f"no alarm of lane {lane} is known: say --event ID, as `panlock lanes` and the worker's log show it, "
        "or --worker FILE for the worker that has the lane"
    )
