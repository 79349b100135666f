"""`panlock pending`: what waits for people."""

import asyncio
import time
from base64 import b64encode
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Table
from rich.text import Text

from cli.config import DEFAULT, ConfigOption, Settings, load_config
from cli.kafka import told
from cli.output import JsonOption, plain, print_json, print_table, say, show
from cli.pending_topic import PendingTopic, wrong_with
from cli.preview import value_text
from cli.reading import reader
from pipeline.approval.pending import Pending
from pipeline.audit.events import timestamp
from pipeline.errors import PanlockError
from pipeline.policy.topics import PENDING

app = typer.Typer(name="pending", no_args_is_help=True, help="What waits for people, and what it holds.")

_CONTENT = ("key", "value", "headers")


class NotPendingError(PanlockError):
    """A record that does not wait, or not any more."""


@app.command("list")
def list_(
    config: ConfigOption = None,
    flow: Annotated[str | None, typer.Option(help="Of this flow alone.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Everything that waits, the next to expire first."""
    waiting = [pending for pending in asyncio.run(read_pending(load_config(config))) if flow in (None, pending.flow)]
    if as_json:
        everything = [orjson.loads(pending.encode()) for pending in waiting]
        print_json([{name: each[name] for name in each if name not in _CONTENT} for each in everything])
        return
    if not waiting:
        say("nothing is pending")
        return
    table = Table("record", "flow", "rule", "reason", "votes", "expires in")
    for each in waiting:
        left = time_left(each.expires - int(time.time() * 1000))
        table.add_row(*map(plain, (each.record, each.flow, each.rule, each.reason, votes(each), left)))
    print_table(table)


@app.command("show")
def show_(
    record: Annotated[str, typer.Argument(help="Record id, as `panlock pending list` shows it.", metavar="ID")],
    config: ConfigOption = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", help="The policy: shows what is not JSON as its rules see it, too.")
    ] = None,
    schemas: Annotated[
        Path | None, typer.Option(help="Directory of schemas, or a configuration with `schemas:`; default --config.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The whole masked record, as it would be released. Exit 1 if it is not what its hash says."""
    pending = asyncio.run(read_pending(load_config(config))).get(record)
    if pending is None:
        raise NotPendingError(not_pending(record))
    wrong = wrong_with(pending, record)
    if as_json:
        print_json({**orjson.loads(pending.encode()), "verified": wrong is None})
    else:
        print_table(_facts(pending))
        show(Text("value, masked:"))
        show(plain("null" if pending.value is None else value_text(pending.value)))
        if policy is not None and pending.value is not None:
            _show_projection(pending.flow, pending.value, policy, schemas or config or DEFAULT)
    if wrong is not None:
        say(f"do NOT approve {record}: {wrong}")
    raise typer.Exit(0 if wrong is None else 1)


def _show_projection(flow: str, value: bytes, policy: Path, schemas: Path) -> None:
    from cli.projection import projection  # the formats take half a second to load
    from cli.schemas import schemas_at

    text = projection(value, flow, policy, schemas_at(schemas))
    if text is not None:
        show(Text("as its rules see it:"))
        show(plain(text))


async def read_pending(settings: Settings) -> PendingTopic:
    topic = PendingTopic()
    with told(settings.kafka, f"read {PENDING}"):
        async with reader(settings) as source:
            await topic.read(source)
    return topic


def not_pending(record: str) -> str:
    return f"{record} is not pending: it was decided, has expired, or was never held (`panlock pending list`)"


def votes(pending: Pending) -> str:
    people = ", ".join(vote.person for vote in pending.votes)
    return f"{len(pending.votes)} of {pending.quorum}" + (f" ({people})" if people else "")


def time_left(ms: int) -> str:
    """By this machine's clock; the broker's decides."""
    if ms <= 0:
        return "due"
    seconds = ms // 1000
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _facts(pending: Pending) -> Table:
    table = Table(show_header=False)
    rows = [
        ("record", pending.record),
        ("flow, producer", f"{pending.flow}, {pending.principal}"),
        ("held by rule", f"{pending.rule}: {pending.reason}"),
        ("votes", votes(pending)),
        ("who may decide", ", ".join(pending.approvers)),
        ("written", timestamp(pending.timestamp).decode()),
        ("expires", timestamp(pending.expires).decode()),
        ("sha256", pending.sha256),
        ("policy", pending.policy),
        ("masked", pending.masking.decode()),
        ("key", readable(pending.key)),
        *((f"header {name}", readable(content)) for name, content in pending.headers),
    ]
    rows += [(f"vote of {vote.person}", vote.reason) for vote in pending.votes]
    for name, value in rows:
        table.add_row(plain(name), plain(value))
    return table


def readable(data: bytes | None) -> str:
    """UTF-8 as text, anything else in base64."""
    if data is None:
        return "null"
    try:
        return data.decode()
    except UnicodeDecodeError:
        return f"base64:{b64encode(data).decode()}"
