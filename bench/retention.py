"""`python -m bench.retention --json`: how long clear card numbers stay on a broker's disk, by searching its files.

A worker releases each record within milliseconds and purges quarantine once a minute. Then it takes the brokers: a
segment must roll, which only a later record of its partition makes it do, be found due (each 5 minutes, as Kafka comes)
and be removed (a minute later). One partition is idle after its card number, one gets one record more after 90 s, one
gets a record every 5 s. What is looked for are files: whether blocks that a file system has freed still hold the bytes
is the disk's affair.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import Producer

from bench.bed import Bed
from bench.enforcing import Panlock
from bench.engine import say
from bench.flows import PLAIN
from bench.machine import machine, versions
from deploy.admin import librdkafka
from deploy.dev.cluster import dev_cluster
from pipeline.errors import PanlockError

CARDS = {"idle": b"4111111111111111", "one more": b"5555555555554444", "busy": b"4012888888881881"}
MORE, OFTEN = 90.0, 5.0  # seconds
LOOK = 2.0
KAFKA = {  # as Kafka comes; a development broker looks and removes much sooner
    "log.retention.check.interval.ms": 300_000,
    "log.segment.delete.delay.ms": 60_000,
    "log.initial.task.delay.ms": 30_000,
}


def run(directory: Path, minutes: float) -> dict[str, object]:
    """Raises PanlockError."""
    with dev_cluster(directory / "kafka", 1, say) as cluster:
        with (directory / "kafka" / "broker-1" / "server.properties").open("a") as file:
            file.writelines(f"{key}={value}\n" for key, value in KAFKA.items())
        cluster.restart_broker(0)
        panlock = Panlock(Bed(cluster, directory), [PLAIN])
        producer = Producer({**librdkafka(cluster.config(PLAIN.principal)), "compression.type": "none", "log_level": 0})
        with panlock.running():
            began = time.monotonic()
            for partition, card in enumerate(CARDS.values()):
                producer.produce(PLAIN.source, b'{"card":{"number":"%b"}}' % card, b"k", partition)
            producer.flush(30)
            seen = _watch(directory / "kafka", producer, began, minutes)
    return {
        "machine": machine(),
        "versions": versions(),
        "minutes": minutes,
        "runs": {name: {"last_seen_s": round(at), "gone": at < minutes * 60 - 2 * LOOK} for name, at in seen.items()},
    }


def _watch(place: Path, producer: Producer, began: float, minutes: float) -> Mapping[str, float]:
    """When each card number was last found, in seconds since it was written."""
    seen = dict.fromkeys(CARDS, 0.0)
    often, more = OFTEN, False
    while (now := time.monotonic() - began) < minutes * 60:
        if now >= often:
            producer.produce(PLAIN.source, b'{"n":1}', b"k", 2)
            often = now + OFTEN
        if now >= MORE and not more:
            producer.produce(PLAIN.source, b'{"n":1}', b"k", 1)
            more = True
        producer.poll(0)
        for partition, (name, card) in enumerate(CARDS.items()):
            if _found(place, partition, card):
                seen[name] = time.monotonic() - began
        say(", ".join(f"{name} seen {at:.0f} s" for name, at in seen.items()))
        time.sleep(LOOK)
    return seen


def _found(place: Path, partition: int, card: bytes) -> bool:
    """In any file of the partition, those that are about to be removed too."""
    for file in place.rglob(f"{PLAIN.source}-{partition}/*"):
        try:
            if card in file.read_bytes():
                return True
        except FileNotFoundError:  # just removed
            continue
    return False


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="print the report to standard output as JSON")
    options.add_argument("--minutes", type=float, default=15.0, help="how long to look")
    wanted = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="panlock-bench-") as draft:
        try:
            result = run(Path(draft), wanted.minutes)
        except PanlockError as error:
            say(f"error: {error}")
            return 1
    if wanted.json:
        print(json.dumps(result, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
