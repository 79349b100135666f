"""Commands that are imported when they are called: `panlock mask` does not wait for Faust and Kafka to load."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command


class Member(NamedTuple):
    """Where a command is: an attribute of a module, a Typer app or a function; `help` is its line in the list."""

    module: str
    attribute: str
    help: str


class LazyGroup(TyperGroup):
    """A group of `members`, by command."""

    members: Mapping[str, Member] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.members)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        """A stand-in, which is enough to list it."""
        member = self.members.get(cmd_name)
        return None if member is None else TyperCommand(name=cmd_name, help=member.help)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is to run."""
        name, found, rest = super().resolve_command(ctx, args)
        if name is None or found is None:
            return name, found, rest
        member = self.members[name]
        return name, command(getattr(import_module(member.module), member.attribute), name), rest


def command(target: typer.Typer | Callable[..., object], name: str) -> Any:
    """What Typer makes of an app or a function."""
    if not isinstance(target, typer.Typer):
        app = typer.Typer(add_completion=False)
        app.command(name)(target)
        target = app
    target._add_completion = False  # it would be installed for a program of the group's own name
    made = get_command(target)
    made.name = name
    return made
