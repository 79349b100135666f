"""`panlock audit`: is the log whole, and who says so?"""

import typer

from cli.audit.key import key
from cli.audit.verify import verify

app = typer.Typer(name="audit", no_args_is_help=True, help="Verify the audit; keys that sign it.")


@app.callback()
def audit() -> None:
    """Verify the audit; keys that sign it."""


app.command()(verify)
app.command()(key)
