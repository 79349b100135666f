"""Records a second and CPU a record of a peer that works off a full topic."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil

from bench.progress import Ends
from deploy.dev.guarded import Guarded

_LOOK = 0.05  # seconds between looks
_FIRST = 60.0  # seconds until the first record must be out
_QUIET = 1.5  # seconds without progress after the target that mean the end
_LAST = 30.0  # seconds that the last commit may take


class PeerError(Exception):
    """A peer did not do its work."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """Between the first output and the last, committed or not: neither starting up nor a last commit's wait counts."""

    records_per_second: float
    cpu_us_per_record: float
    broker_us_per_record: float  # CPU
    seconds: float


@dataclass(frozen=True, slots=True)
class _Sample:
    time: float
    records: int
    cpu: float
    broker: float


def measure(
    processes: Sequence[Guarded], broker: int, ends: Ends, before: int, records: int, limit: float
) -> Throughput:
    """Watch until `records` are out, where `before` were there; leave the peer at rest. `broker`: its process id.

    Raises PeerError.
    """
    meters, other = [psutil.Process(process.pid) for process in processes], psutil.Process(broker)

    def look() -> _Sample:
        for process in processes:
            if process.code is not None:
                raise PeerError(f"it ended with code {process.code}")
        return _Sample(time.monotonic(), ends.written() - before, sum(map(_cpu, meters)), _cpu(other))

    began = time.monotonic()
    first = look()
    while not first.records:
        if time.monotonic() - began > _FIRST:
            raise PeerError(f"nothing came out within {_FIRST:.0f} s")
        time.sleep(_LOOK)
        first = look()
    last = first
    while last.records < records:
        if last.time - first.time > limit:
            raise PeerError(f"{last.records} of {records} records after {limit:.0f} s")
        time.sleep(_LOOK)
        last = look()
    _until_quiet(look, ends, last)
    seconds, done = last.time - first.time, last.records - first.records
    cpu, broker_cpu = (1e6 * spent / done for spent in (last.cpu - first.cpu, last.broker - first.broker))
    return Throughput(done / seconds, cpu, broker_cpu, seconds)


def _cpu(process: psutil.Process) -> float:
    """Seconds."""
    times = process.cpu_times()
    return float(times.user + times.system)


def _until_quiet(look: Callable[[], _Sample], ends: Ends, last: _Sample) -> None:
    """Until nothing more is written and all of it is committed."""
    began = changed = last.time
    while last.time - changed < _QUIET or sum(ends.committed().values()) < ends.written():
        time.sleep(_LOOK)
        now = look()
        if now.time - began > _LAST:
            raise PeerError(f"it still writes, or has not committed, {_LAST:.0f} s after its last record")
        if now.records != last.records:
            changed = now.time
        last = now
