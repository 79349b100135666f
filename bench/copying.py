"""The peers that copy a source to clean and audit: plain Faust, Quix Streams, the engine's proof."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.bed import PARTITIONS, Bed
from bench.count import committed_records
from bench.progress import Ends
from bench.throughput import Throughput, measure
from deploy.dev.guarded import Guarded
from deploy.dev.ports import free_ports

PEERS = Path(__file__).with_name("peers")
# Each as its documentation starts it. The proof cannot take uvloop: closing a consumer then stalls it for 40 s.
_COMMANDS = {
    "faust": ["plain_faust.py", "worker", "-l", "info"],
    "quix": ["quix.py"],
    "raw": ["raw.py", "worker", "-l", "info"],
}


@dataclass(frozen=True, slots=True)
class Run:
    """One measurement; `clean` and `audit` are what a read_committed consumer then finds."""

    throughput: Throughput
    clean: int
    audit: int


def copy(bed: Bed, peer: str, source: str, records: int, limit: float) -> Run:
    """Let `peer` work off `source`. Raises PeerError."""
    clean, audit, state = bed.make("clean", "audit", "state")
    start = dict.fromkeys(range(PARTITIONS), 0)
    try:
        with running(bed, peer, source, clean, audit, state) as process:
            throughput = measure([process], bed.broker, Ends(bed.access, clean, PARTITIONS), 0, records, limit)
        counts = [committed_records(bed.access, topic, start) for topic in (clean, audit)]
    finally:
        bed.drop(clean, audit, state)
    return Run(throughput, *counts)


@contextmanager
def running(bed: Bed, peer: str, source: str, clean: str, audit: str, state: str) -> Iterator[Guarded]:
    directory, access = bed.directory_of(peer), bed.access
    environment = {
        **os.environ,
        "BROKER": access.bootstrap,
        "CA": access.ca,
        "CERT": access.certificate,
        "KEY": access.key,
        "SOURCE": source,
        "CLEAN": clean,
        "AUDIT": audit,
        "STATE": state,
        "APP": directory.name,
        "LANES": str(PARTITIONS),
        "PORT": str(free_ports(1)[0]),
        "STATE_DIR": str(directory),
    }
    script, *words = _COMMANDS[peer]
    process = Guarded([sys.executable, str(PEERS / script), *words], directory / "peer.log", environment, directory)
    try:
        yield process
    finally:
        process.stop()
