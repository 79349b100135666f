"""A small HTTP server of this project's own as a process, for tests and the demo."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.dev.guarded import Guarded
from deploy.dev.ports import free_ports
from deploy.dev.readiness import listens
from pipeline.errors import PanlockError

START_LIMIT = 60.0  # seconds
ROOT = Path(__file__).resolve().parents[2]


class ServerError(PanlockError):
    """A development server did not start."""


@contextmanager
def served(module: str, words: Sequence[str], log: Path, port: int | None = None) -> Iterator[int]:
    """`python -m MODULE PORT WORDS` while the context lasts; yields the port, a free one unless it is given.

    Raises ServerError.
    """
    number = free_ports(1)[0] if port is None else port
    process = Guarded([sys.executable, "-m", module, str(number), *words], log, directory=ROOT)
    try:
        deadline = time.monotonic() + START_LIMIT
        while not listens(number):
            if process.code is not None or time.monotonic() > deadline:
                raise ServerError(f"{module} does not serve on port {number}: see {log}")
            time.sleep(0.02)
        yield number
    finally:
        process.stop()
