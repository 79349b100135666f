"""What a person sees when something is wrong: a message and an exit code, never a stack trace."""

import io
import os
import re
import subprocess
import sys

import pytest

from cli import app, output
from deploy.admin import KafkaDeniedError, KafkaUnreachableError
from pipeline.errors import PanlockError


def panlock(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment}, check=False)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PanlockError("mend it"), 2),
        (KafkaDeniedError("no"), 3),
        (KafkaUnreachableError("no"), 3),
        (KeyboardInterrupt(), 130),
        (output.OutputClosedError(), 0),
        (SystemExit(1), 1),
        (SystemExit(None), 0),
    ],
)
def test_each_error_has_its_exit_code(monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(app, "app", fail)
    monkeypatch.setattr(app, "discard_stdout", lambda: None)
    assert app._run() == code


def test_a_defect_is_told_without_what_it_was_about(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def fail() -> None:
        raise ValueError("could not convert 4111111111111111")

    monkeypatch.setattr(app, "app", fail)
    monkeypatch.delenv("PANLOCK_DEBUG", raising=False)
    assert app._run() == 70
    told = capsys.readouterr().err
    assert "ValueError in test_cli_boundary.py" in told
    assert "4111" not in told


def test_messages_are_shown_as_text_and_not_obeyed(capsys: pytest.CaptureFixture) -> None:
    output.say("[red]\x1b[2J[/red] \u202e x\r\n y\u00a0z")
    assert capsys.readouterr().err == "[red]\\x1b[2J[/red] \\u202e x\\r\n y\u00a0z\n"


def test_a_reader_that_leaves_ends_the_command_quietly() -> None:
    lines = "".join("{}\n" for _ in range(200_000))
    policy = "tests/vectors/decision/policy.yaml"
    command = f"{sys.executable} -m cli mask --policy {policy} --flow payments | head -n 1; echo ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", command], input=lines, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[1] == "0"
    assert ended.stderr == ""


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["mask"], ["mask", "--nonsense"], ["pending", "show"], ["approve", "--reason", "x"]]
)
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    ended = panlock(*arguments)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_help_lists_every_command() -> None:
    ended = panlock("--help")
    assert ended.returncode == 0
    assert all(f" {name} " in ended.stdout for name in app.Panlock.members)


def test_no_color_means_no_color() -> None:
    terminal = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    colour = re.compile("\x1b\\[(\\d+;)*3\\dm")
    assert colour.search(panlock("--help", **terminal).stdout)
    assert not colour.search(panlock("--help", NO_COLOR="1", **terminal).stdout)


@pytest.mark.parametrize("name", sorted(app.Panlock.members))
def test_every_command_says_what_it_does(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(sys, "argv", ["panlock", name, "--help"])
    assert app._run() == 0
    assert name in capsys.readouterr().out


def test_a_table_in_a_pipe_is_not_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.table import Table

    table = Table("record", "reason")
    table.add_row("q" * 100, "r" * 80)
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stream)
    output.print_table(table)
    assert "q" * 100 in stream.buffer.getvalue().decode()
