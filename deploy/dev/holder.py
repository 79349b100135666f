"""Which process holds a development cluster's directory: one at a time, and a holder that ended holds nothing."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import PanlockError

_FILE = "in-use"


class ClusterError(PanlockError):
    """The development cluster cannot be had as asked."""


@contextmanager
def hold(directory: Path) -> Iterator[None]:
    """Raises ClusterError if another process holds it."""
    with (directory / _FILE).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClusterError(f"a cluster already runs in {directory}: stop it or choose another directory") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def holder(directory: Path) -> int | None:
    """Pid of the process that holds it."""
    try:
        with (directory / _FILE).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return int((directory / _FILE).read_text() or 0) or None
