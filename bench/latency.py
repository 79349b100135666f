"""Produce to read_committed clean at a given rate: a paced producer here, an observer in its own process."""

import asyncio
import json
import subprocess
import sys
from dataclasses import asdict

from bench.payments import Access, paced
from bench.throughput import PeerError

SECONDS = 15.0  # measured
SKIP = 4.0  # before that: connections open, the peer leaves its idle state


def latency(
    producer: Access, consumer: Access, source: str, clean: str, partitions: int, rate: float
) -> dict[str, float]:
    """Raises PeerError if no record arrives."""
    wanted = {
        "access": asdict(consumer),
        "topic": clean,
        "partitions": partitions,
        "seconds": SKIP + SECONDS,
        "skip": SKIP,
    }
    observer = subprocess.Popen(
        [sys.executable, "-m", "bench.observe", json.dumps(wanted)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert observer.stdout is not None
    try:
        observer.stdout.readline()
        sent = asyncio.run(paced(producer, source, partitions, rate, SKIP + SECONDS + 1))
        seen: dict[str, float] = json.loads(observer.communicate(timeout=90)[0] or "{}")
    finally:
        observer.kill()
        observer.wait()
    if "p50_ms" not in seen:
        raise PeerError(f"no latency at {rate:.0f} records/s: {seen.get('records', 0)} records arrived")
    return {"rate": round(sent / (SKIP + SECONDS + 1)), **seen}
