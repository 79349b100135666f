"""The whole engine with signed, sealed and unsigned records side by side: one worker, one policy, three flows."""

import asyncio
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

from aiokafka import AIOKafkaProducer

from agents.cluster import identify, topic_bytes
from agents.settings import Kafka
from bench.bed import Bed
from bench.copying import Run
from bench.enforcing import Panlock
from bench.engine import report
from bench.flows import PLAIN, Flow
from bench.payments import BATCH, Access, letters, payments
from bench.signing import WORKER, WORKER_SEED
from bench.throughput import PeerError
from deploy.dev.cluster import dev_cluster
from panlock_producer import Identity, Recipient
from panlock_producer.codec import Place
from panlock_producer.stream import Stream, Unsigned
from pipeline.identity.sealing_keys import private_text, public_text

RECORDS = 200_000
LIMIT = 90.0  # seconds of one measurement
BATCHED = 256  # records a signature, over all partitions: what the kit collects in 5 ms at some 50,000 records/s

Say = Callable[[str], None]


async def write(access: Access, topic: str, partitions: int, count: int, recipient: Recipient | None = None) -> None:
    """`count` payments as a kit signs them, the same number to each partition."""
    kafka = Kafka(bootstrap=access.bootstrap, ca=access.ca, certificate=access.certificate, key=access.key)  # type: ignore[arg-type]
    ids = await identify(kafka, [topic])
    places = [Place(ids.cluster_id, topic_bytes(ids.topic_ids[topic]), number) for number in range(partitions)]
    stream = Stream(Identity.from_files(access.certificate, access.key), recipient)
    values, turn = cycle(payments()), cycle(places)
    async with AIOKafkaProducer(max_batch_size=BATCH, linger_ms=0, **access.aiokafka()) as producer:
        batches = [producer.create_batch() for _ in places]
        waiting = []
        for left in range(count, 0, -BATCHED):
            some = [
                Unsigned(next(turn), letters(number), next(values))
                for number in range(left, max(0, left - BATCHED), -1)
            ]
            for record in stream.sign(some):
                stream.delivered(record)
                partition, headers = record.place.partition, record.headers
                while (
                    batches[partition].append(key=record.key, value=record.value, timestamp=None, headers=headers)
                    is None
                ):
                    batches[partition].close()
                    waiting.append(await producer.send_batch(batches[partition], topic, partition=partition))
                    batches[partition] = producer.create_batch()
        for partition, batch in enumerate(batches):
            batch.close()
            waiting.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*waiting)


async def write_sealed(access: Access, topic: str, partitions: int, count: int) -> None:
    await write(access, topic, partitions, count, Recipient(public_text(WORKER.public)))


FLOWS = {
    "unsigned": PLAIN,
    "signed": Flow("signed", "signer", identity="signed", write=write),
    "sealed": Flow("sealed", "sealer", identity="signed", quarantine="sealed", write=write_sealed),
}


def run(directory: Path, rounds: int, say: Say) -> dict[str, dict[str, object]]:
    """Raises PeerError, PanlockError."""
    runs: dict[str, list[Run]] = {name: [] for name in FLOWS}
    with dev_cluster(directory / "kafka", 1, say) as cluster:
        panlock = Panlock(Bed(cluster, directory), list(FLOWS.values()), private_text(WORKER.kem, WORKER_SEED))
        for number in range(rounds):
            for name, flow in FLOWS.items():
                result = panlock.throughput(RECORDS, LIMIT, flow)
                if result.clean != RECORDS or result.audit < RECORDS:
                    raise PeerError(f"{name}: {result.clean} clean and {result.audit} audit of {RECORDS} records")
                runs[name].append(result)
                measured = result.throughput
                say(
                    f"round {number + 1}/{rounds} {name}: {measured.records_per_second:.0f} records/s, "
                    f"{measured.cpu_us_per_record:.1f} us CPU a record"
                )
    return {name: report(RECORDS, results) for name, results in runs.items()}
