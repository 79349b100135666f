"""How the demo tells its steps: FORMATS' lines, also where a step fails, and on no terminal without control codes."""

import re

import pytest
from rich.console import Console

from deploy.demo.narrator import Narrator


def test_a_step_ends_with_ok_and_its_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = Narrator(2)
    with narrator.step("one"):
        pass
    with narrator.step("two"):
        narrator.note("something")
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\[1/2\] one … ok \(\d+\.\d s\)", lines[0])
    assert lines[1:3] == ["[2/2] two …", "        something"]
    assert re.fullmatch(r"\[2/2\] two … ok \(\d+\.\d s\)", lines[3])


def test_a_step_that_fails_says_so_and_is_remembered(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = Narrator(2)
    with pytest.raises(ValueError, match="x"), narrator.step("one"):
        raise ValueError("x")
    assert re.fullmatch(r"\[1/2\] one … not as told \(\d+\.\d s\)\n", capsys.readouterr().out)
    assert narrator.at == "step 1 (one)"


def test_on_a_terminal_the_finished_step_stands_above_its_notes() -> None:
    console = Console(force_terminal=True, width=60, no_color=True, record=True, _environ={"TERM": "xterm"})
    narrator = Narrator(1, console)
    with narrator.step("one"):
        narrator.note("something")
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    done = next(index for index, line in enumerate(lines) if re.search(r"\[1/1\] one … ok \(\d+\.\d s\)$", line))
    assert lines[done + 1] == "        something"


def test_a_step_that_a_person_ends_is_not_told_as_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), Narrator(1).step("one"):
        raise KeyboardInterrupt
    assert re.fullmatch(r"\[1/1\] one … interrupted \(\d+\.\d s\)\n", capsys.readouterr().out)
