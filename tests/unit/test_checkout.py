"""`make setup` does again only what changed, and shows why a step failed."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.dev import cache, checkout


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".venv").mkdir()
    monkeypatch.setattr(checkout, "ROOT", tmp_path)
    monkeypatch.setattr(checkout, "VENV", tmp_path / ".venv")
    return tmp_path


def test_a_step_is_done_again_when_its_content_changed(root: Path) -> None:
    lock = root / "lock"
    lock.write_text("one")
    assert not checkout.Stamp("step", [lock]).current()
    checkout.Stamp("step", [lock]).write()
    assert checkout.Stamp("step", [lock]).current()
    assert not checkout.Stamp("step", [lock], "another platform").current()
    lock.write_text("two")
    assert not checkout.Stamp("step", [lock]).current()


def test_a_failed_step_shows_its_last_words(root: Path) -> None:
    with pytest.raises(checkout.SetupError, match=r"code 3(.|\n)*disk full"):
        checkout.run(1, "a step", [sys.executable, "-c", "print('disk full'); exit(3)"])


def test_a_long_step_is_never_silent(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checkout, "HEARTBEAT", 0.05)
    checkout.run(1, "a step", [sys.executable, "-c", "import time; time.sleep(0.3)"])
    assert "still at it" in capsys.readouterr().err


def test_one_process_at_a_time_has_the_cache(tmp_path: Path) -> None:
    said: list[str] = []
    program = (
        "import sys; from pathlib import Path; from deploy.dev.cache import locked\n"
        "with locked(Path(sys.argv[1]), print): print('has it', flush=True); input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "has it\n"

    def say(text: str) -> None:
        said.append(text)
        other.communicate("\n")

    with cache.locked(tmp_path / "lock", say):
        assert other.returncode == 0
    assert len(said) == 1
