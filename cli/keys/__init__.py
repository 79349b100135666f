"""`panlock keys`: where keys come from, and new ones: made, wrapped, rotated. No command prints a key."""

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.table import Table

from agents.core_dumps import forbid_core_dumps
from agents.keys.opening import Services, origin, shown, sources, wrapped_key
from agents.keys.settings import KeySettings, KeySource, Wrapped
from cli.config import DEFAULT, ConfigOption, DevelopmentOption, load_keys
from cli.keys.making import KemName, Made, Maker, next_id
from cli.keys.steps import after_new, after_rotation, after_wrap
from cli.output import JsonOption, plain, print_json, print_lines, print_table, say
from pipeline.audit.signature import keys_of
from pipeline.identity.sealing_keys import key_id, read_public
from pipeline.keys.service import Kind

app = typer.Typer(name="keys", no_args_is_help=True, help="Where keys come from; make, wrap and rotate them.")

KindArgument = Annotated[Kind, typer.Argument(help="token: masking. seal: opens sealed records. audit: signs.")]
ServiceOption = Annotated[
    str | None, typer.Option("--service", help="vault or aws; default: the one that the configuration has.")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="Directory for new files; default: the configuration's.", file_okay=False)
]
KemOption = Annotated[KemName, typer.Option("--kem", help="Of a seal key.")]


@app.command("list")
def list_(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Each key of the configuration: what for, and from where. Asks no key service, and opens nothing."""
    settings = load_keys(config)
    rows = [_row(kind, id_, source, settings) for kind in Kind for id_, source in sources(settings, kind).items()]
    if as_json:
        print_json({"keys": rows})
        return
    table = Table("key", "from", "where", "use", "key id in events")
    for row in rows:
        name = f"{row['kind']} {row['id']}"
        table.add_row(*map(plain, (name, row["from"], row["where"], row["use"], row["key_id"] or "")))
    print_table(table)
    if bare := sum(row["from"] in ("file", "environment") for row in rows):
        say(f"{bare} plain: workers take them with --development alone; `panlock keys wrap` has a key service wrap one")


@app.command()
def new(
    kind: KindArgument,
    id_: Annotated[str, typer.Argument(metavar="ID", help="1 to 16 of a-z and 0-9.")],
    config: ConfigOption = None,
    service: ServiceOption = None,
    out: OutOption = None,
    kem: KemOption = KemName.X_WING,
    development: DevelopmentOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a key, wrapped by a key service. With --development and none, a plain file."""
    made = _maker(config, service, out, development).new(kind, id_, kem)
    _tell(made, after_new(made), as_json)


@app.command()
def rotate(
    kind: KindArgument,
    config: ConfigOption = None,
    service: ServiceOption = None,
    out: OutOption = None,
    kem: KemOption = KemName.X_WING,
    development: DevelopmentOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make the next key, and say what to put where so that both overlap. Changes no configuration."""
    settings = load_keys(config)
    former, id_ = next_id(kind, settings)
    made = _maker(config, service, out, development).new(kind, id_, kem)
    _tell(made, after_rotation(made, former), as_json)


@app.command()
def wrap(
    kind: KindArgument,
    id_: Annotated[str, typer.Argument(metavar="ID", help="As the configuration has it.")],
    config: ConfigOption = None,
    service: ServiceOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a key service wrap a key that the configuration has: a plain one, or one that is wrapped already."""
    made, former = _maker(config, service, out, development=False).wrap(kind, id_)
    _tell(made, after_wrap(made, former), as_json)


def _maker(config: Path | None, service: str | None, out: Path | None, development: bool) -> Maker:
    forbid_core_dumps()
    settings = load_keys(config)
    return Maker(settings, Services(settings.key_services), service, out or (config or DEFAULT).parent, development)


def _row(kind: Kind, id_: str, source: KeySource, settings: KeySettings) -> dict[str, str | None]:
    use = "opens sealed records" if kind is Kind.SEAL else "signs the audit, or checkpoints"
    if kind is Kind.TOKEN:
        use = "makes new tokens" if id_ == settings.token_key else "what it made is recognised, or a domain's"
    public = wrapped_key(kind, id_, source).public if isinstance(source, Wrapped) else None
    return {
        "kind": kind.value,
        "id": id_,
        "from": origin(kind, id_ if kind is not Kind.AUDIT else None, source),
        "where": shown(source),
        "use": use,
        "key_id": id_ if kind is Kind.TOKEN else None if public is None else _in_events(kind, public),
    }


def _in_events(kind: Kind, public: str) -> str:
    return key_id(read_public(public)).hex() if kind is Kind.SEAL else next(iter(keys_of([orjson.loads(public)])))


def _tell(made: Made, steps: list[str], as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "kind": made.kind.value,
                "id": made.id,
                "from": made.origin,
                "file": str(made.file),
                "public": None if made.public is None else str(made.public),
                "steps": steps,
            }
        )
        return
    print_lines(str(file) for file in (made.file, made.public) if file is not None)
    for number, step in enumerate(steps, 1):
        say(f"{number}. {step}")
