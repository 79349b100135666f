"""The documentation names every command, option, code and event, and no command that is not there."""

import re
from importlib import import_module
from pathlib import Path

import pytest
import typer

from agents.review.rules import RULES
from agents.review.weaker import WEAKER
from cli.app import Panlock
from cli.lazy import command
from deploy.doctor.finding import Check
from pipeline.audit.access.report import Refusal as ReportRefusal
from pipeline.audit.events import EventType
from pipeline.audit.followed import Refusal as LogRefusal
from pipeline.record import Reason, Refusal, Way

DOCS = Path(__file__).parents[2] / "docs"
CLI, REASONS, FORMATS = ((DOCS / f"{name}.md").read_text() for name in ("cli", "reasons", "formats"))
ASIDE = {"--help", "--config", "--version"}  # told once for all


def commands() -> dict[str, set[str]]:
    """Every command line's words, and its options."""
    found = {}
    for name, member in Panlock.members.items():
        target = getattr(import_module(member.module), member.attribute)
        made = command(target, name)
        subcommands = getattr(made, "commands", None) or {}
        if not isinstance(target, typer.Typer) or (
            target.registered_callback and target.registered_callback.invoke_without_command
        ):
            found[name] = options(made)
        found |= {f"{name} {sub}": options(each) for sub, each in subcommands.items()}
    return found


def options(made: object) -> set[str]:
    return {text for each in made.params for text in each.opts if text.startswith("--")} - ASIDE


COMMANDS = commands()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_is_told_with_all_its_options(name: str) -> None:
    told = re.findall(rf"`panlock {name}(?: [^a-z`][^`]*)?`", CLI)
    assert told, f"docs/cli.md does not tell of panlock {name}"
    missing = {option for option in COMMANDS[name] if not any(f"{option}" in each for each in told)}
    assert not missing


def test_no_command_is_told_that_is_not_there() -> None:
    told = {" ".join(words.split()) for words in re.findall(r"`panlock ([a-z-]+(?: [a-z]+)?)", CLI)}
    assert told - set(COMMANDS) <= {name.split()[0] for name in COMMANDS}


@pytest.mark.parametrize("code", sorted({*Reason, *Refusal, *Way, *EventType, "rule-error"}))
def test_a_code_is_explained(code: str) -> None:
    assert f"`{code}`" in REASONS


def test_no_code_is_explained_that_is_not_there() -> None:
    told = set(re.findall(r"^\| `([a-z0-9.-]+)` \|", REASONS, re.MULTILINE))
    codes = {*Reason, *Refusal, *Way, *EventType, *LogRefusal, *ReportRefusal, *Check}
    assert told == {*codes, *(rule.name for rule in RULES), WEAKER.name}


def test_links_between_the_pages_lead_somewhere() -> None:
    pages = {path.name: path.read_text() for path in DOCS.glob("*.md")}
    for name, text in pages.items():
        for page, anchor in re.findall(r"\]\(([a-z-]+\.md)?#([^)]+)\)", text):
            titles = re.findall(r"^#+ (.+)$", pages[page or name], re.MULTILINE)
            assert anchor in {re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in titles}, anchor


def test_every_reason_to_refuse_a_log_is_told() -> None:
    section = REASONS.split("## Logs that are not sealed\n", 1)[1].split("\n## ", 1)[0]
    assert set(re.findall(r"^\| `([a-z-]+)` \|", section, re.MULTILINE)) == set(LogRefusal)
