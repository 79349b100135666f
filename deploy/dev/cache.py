"""The user's cache of what costs minutes to make: Kafka's jars and the built kernel. Shared by all checkouts.

Standard library alone: the first set-up imports it before anything is installed.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

Say = Callable[[str], None]
RETRY = 0.5  # seconds between tries for a lock
TRIES_A_WORD = 30


def cache_dir() -> Path:
    """`$XDG_CACHE_HOME/panlock`, or `~/.cache/panlock`; made where it is missing."""
    directory = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "panlock"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@contextmanager
def locked(path: Path, say: Say) -> Iterator[None]:
    """Hold `path` as a lock among processes. The kernel drops it with its holder, so no stale lock can stay."""
    with path.open("a") as file:
        tries = 0
        while not _taken(file):
            if tries % TRIES_A_WORD == 0:
                say(f"waiting for another process that has {path}")
            tries += 1
            time.sleep(RETRY)
        yield


def _taken(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
