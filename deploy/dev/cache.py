"""The user's cache of what costs minutes to make: Kafka's jars and the built kernel. Shared by all checkouts.

Standard library alone: the first set-up imports it before anything is installed.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Say = Callable[[str], None]


def cache_dir() -> Path:
    """`$XDG_CACHE_HOME/panlock`, or `~/.cache/panlock`; made where it is missing."""
    directory = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "panlock"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@contextmanager
def locked(path: Path, say: Say) -> Iterator[None]:
    """Hold `path` as a lock among processes. The kernel drops it with its holder, so no stale lock can stay."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another checkout is filling {path.parent}: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
