"""`python -m bench.observe`: reads a clean topic as a consumer would, and tells how old its records are on arrival.

In a process of its own, so that it does not wait for the producer's interpreter. Prints one JSON object.
"""

import json
import statistics
import sys
import time

from confluent_kafka import OFFSET_END, Consumer, TopicPartition

from bench.payments import Access, from_letters


def observe(access: Access, topic: str, partitions: int, seconds: float, skip: float) -> dict[str, float]:
    """Latencies in ms from the send (in the key) to a read_committed arrival, without the first `skip` seconds."""
    consumer = Consumer(
        {
            **access.librdkafka(),
            "group.id": "bench-observe",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
        }
    )
    consumer.assign([TopicPartition(topic, p, OFFSET_END) for p in range(partitions)])
    consumer.poll(1.0)  # the ends are known before the producer begins
    print("ready", flush=True)
    latencies: list[float] = []
    began, end = 0.0, time.monotonic() + 60
    while (now := time.monotonic()) < end:
        message = consumer.poll(0.2)
        if message is None or message.error() is not None:
            continue
        arrived = time.time_ns()
        if not began:
            began, end = now, now + seconds
        if now - began >= skip:
            latencies.append((arrived - from_letters(message.key())) / 1e6)
    consumer.close()
    if len(latencies) < 100:
        return {"records": len(latencies)}
    cuts = statistics.quantiles(latencies, n=100)
    return {"records": len(latencies), "p50_ms": round(cuts[49], 1), "p99_ms": round(cuts[98], 1)}


if __name__ == "__main__":
    wanted = json.loads(sys.argv[1])
    print(json.dumps(observe(Access(**wanted.pop("access")), **wanted)), flush=True)
