"""What a process exports, as Prometheus reads it; and promtool, where it is installed."""

import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.deployment import WorkerProcess

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt-get install prometheus)"
)


def scraped(process: WorkerProcess) -> str:
    with urllib.request.urlopen(process.url + "/metrics", timeout=30) as answer:
        return str(answer.read().decode())


class Scrape:
    """One scrape. `names`: of the families, with the suffixes of their samples, there or not."""

    def __init__(self, process: WorkerProcess) -> None:
        self.text = scraped(process)
        families = list(text_string_to_metric_families(self.text))
        self.samples = [sample for family in families for sample in family.samples]
        self.names = {sample.name for sample in self.samples}
        for family in families:
            self.names.add(family.name + ("_total" if family.type == "counter" else ""))

    def get(self, name: str, **labels: str) -> float | None:
        """The sum of the samples that have these labels; None where there is none."""
        found = [each.value for each in self.samples if each.name == name and labels.items() <= each.labels.items()]
        return sum(found) if found else None


def promtool(*arguments: str | Path, given: str | None = None) -> None:
    """AssertionError with what it says, unless it is content: lint counts, too."""
    done = subprocess.run(["promtool", *map(str, arguments)], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
