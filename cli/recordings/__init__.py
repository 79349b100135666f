"""`panlock recordings`: what flows have recorded, read under a role and a reason, and never without a trace."""

import typer

from cli.recordings.approve import approve
from cli.recordings.list import list_
from cli.recordings.replay import replay, show
from cli.recordings.shred import shred

app = typer.Typer(name="recordings", no_args_is_help=True, help="List and replay what a flow has recorded.")


@app.callback()
def recordings() -> None:
    """List and replay what a flow has recorded."""


app.command("list")(list_)
app.command()(show)
app.command()(replay)
app.command()(approve)
app.command()(shred)
