"""Where the demo's Kafka and Panlock's processes run: on this machine, unless another place is named."""

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from deploy.dev.clients import Cluster
from deploy.dev.cluster import dev_cluster
from deploy.dev.guarded import Guarded
from deploy.dev.java import Process
from deploy.dev.reports import AccessReports

Say = Callable[[str], None]


class Place(Protocol):
    def kafka(self, directory: Path, say: Say, reports: AccessReports | None) -> AbstractContextManager[Cluster]:
        """A cluster while the context lasts; its authority is in `directory`/ca, its brokers' files in `directory`."""
        ...

    def panlock(self, words: list[str], log: Path) -> Process:
        """`panlock WORDS` as a process of its own, without PANLOCK_… of this one's environment."""
        ...


class Here:
    """Processes of this machine, which end with this one."""

    def kafka(self, directory: Path, say: Say, reports: AccessReports | None) -> AbstractContextManager[Cluster]:
        return dev_cluster(directory, say=say, reports=reports)

    def panlock(self, words: list[str], log: Path) -> Process:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PANLOCK_")}
        return Guarded([sys.executable, "-m", "cli", *words], log, environment)
