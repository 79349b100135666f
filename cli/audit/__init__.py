"""`panlock audit`: is the log whole, and who says so?"""

import typer

from cli.audit.export import export
from cli.audit.key import key
from cli.audit.prove import check, prove
from cli.audit.reads import reads
from cli.audit.reconcile import reconcile
from cli.audit.review import app as review
from cli.audit.search import search
from cli.audit.sql import sql
from cli.audit.tail import tail
from cli.audit.timestamp import timestamp
from cli.audit.verify import verify

app = typer.Typer(
    name="audit", no_args_is_help=True, help="Verify, search, review, export and prove the audit; keys that sign it."
)


@app.callback()
def audit() -> None:
    """Verify, search, review, export and prove the audit; keys that sign it."""


app.command()(verify)
app.command()(export)
app.command()(prove)
app.command()(check)
app.command()(timestamp)
app.command()(reconcile)
app.command()(reads)
app.command()(tail)
app.command()(search)
app.command()(sql)
app.command()(key)
app.add_typer(review, name="review")
