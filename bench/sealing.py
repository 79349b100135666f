"""A sealer that catches up: events lie on a real broker, as workers wrote them; how fast are they sealed?"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agents.cluster import identify
from agents.producer import LaneProducer
from agents.sealer.config import SealerConfig
from agents.sealer.process import SealerProcess
from agents.settings import Kafka
from bench.lane_events import WORKER, lane
from deploy.dev.cluster import DevCluster, dev_cluster
from deploy.provision import provision
from pipeline.audit.signature import Signer, public_jwk
from pipeline.effects import Out
from pipeline.policy import Policy, parse_policy
from pipeline.policy.topics import AUDIT, limits

LANES = 4
TRANSACTION = 20_000  # events written at once
LOOK = 0.02  # seconds
SEALER = Signer(Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32))

Say = Callable[[str], None]


def run(directory: Path, count: int, say: Say) -> dict[str, float]:
    """Raises PanlockError."""
    with dev_cluster(directory / "kafka", 1, say) as cluster:
        policy = _policy()
        provision(cluster.config("admin"), policy)
        say(f"seal: writing {count} events")
        asyncio.run(_write(cluster, policy, count))
        say("seal: catching up")
        return asyncio.run(_seal(cluster, policy, directory, count))


def _policy() -> Policy:
    worker, sealer = (str(public_jwk(each.key.public_key())) for each in (WORKER, SEALER))
    return parse_policy(
        f"version: 1\nlanes: {LANES}\n"
        "principals: {checkout: {spiffe: spiffe://pay.example/checkout}}\n"
        f"audit: {{worker_keys: [{worker}], sealer_keys: [{sealer}]}}\n"
        "flows: {payments: {producers: [checkout], partitions: 4}}\n",
        "policy.yaml",
    )


async def _write(cluster: DevCluster, policy: Policy, count: int) -> None:
    kafka = Kafka.model_validate(cluster.config("admin"))
    name = (await identify(kafka, [AUDIT])).cluster_id
    for number in range(LANES):
        producer = LaneProducer(f"{policy.application}-{number}", kafka, limits(policy))
        await producer.start()
        outs = [Out(row.key, row.value, 0) for row in lane(number, count // LANES, name)]
        for at in range(0, len(outs), TRANSACTION):
            await producer.transact({(AUDIT, number): outs[at : at + TRANSACTION]})
        await producer.discard()


async def _seal(cluster: DevCluster, policy: Policy, directory: Path, count: int) -> dict[str, float]:
    config = SealerConfig.model_validate(
        {"kafka": cluster.config("panlock-sealer"), "store": str(directory), "audit_key": "unused"}
    )
    sealer = SealerProcess(policy, config, SEALER)
    began, cpu = time.monotonic(), time.process_time()
    running = asyncio.create_task(sealer.run())
    while sum(log.due for log in sealer.logs[:-1]) < count // LANES * LANES:
        if running.done():
            await running
        await asyncio.sleep(LOOK)
    spent, cpu = time.monotonic() - began, time.process_time() - cpu
    sealer.stopping.set()
    await running
    return {"events_per_second": round(count / spent), "cpu_us_per_event": round(1e6 * cpu / count, 2)}
