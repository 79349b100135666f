"""`python -m deploy.demo`, or `make demo`: the whole story on a real Kafka. Its last line is `demo: ok`.

Exit codes: 0 all is as told; 1 something is not, and the message names the step; 130 interrupted.
"""

import io
import os
import shutil
import signal
import sys
import tempfile
import traceback
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from deploy.demo.narrator import Narrator
from deploy.demo.place import Here, Place
from deploy.demo.run import Run
from deploy.demo.story import STEPS, tell
from pipeline.errors import PanlockError

ROOT = Path(__file__).resolve().parents[2]
FAILED, INTERRUPTED = 1, 130
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(place: Place) -> int:
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that has no dots of ours still gets the story
    narrator = Narrator(len(STEPS))
    base = ROOT / "var"
    base.mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="demo-", dir=base))
    try:
        with ExitStack() as closing:
            run = Run(directory, narrator, closing, place)
            try:
                tell(run)
            finally:
                _ignore_signals()
            with narrator.work("everything that was started ends"):
                closing.close()
    except KeyboardInterrupt:
        shutil.rmtree(directory)
        _complain("demo: interrupted; everything that was started has ended")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever it is, a person reads where the story broke off
        _complain(f"demo: not as told in {narrator.at}: {_plain(error)}")
        _complain(f"demo: logs and data of this run are kept in {directory}")
        return FAILED
    shutil.rmtree(directory)
    narrator.say("demo: ok")
    return 0


def _ignore_signals() -> None:
    """Nothing interrupts the clearing up."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _plain(error: Exception) -> str:
    if isinstance(error, PanlockError):
        return str(error)
    if os.environ.get("PANLOCK_DEBUG"):
        traceback.print_exception(error)
    return f"{type(error).__name__}: {error}"


def _complain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(Here()))
