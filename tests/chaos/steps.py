"""A fleet under traffic, and what is done to it, one step after another."""

import os
import random
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from deploy.admin import librdkafka
from deploy.dev.cluster import DevCluster
from tests.approving import Person, pending
from tests.chaos.fleet import Fleet
from tests.chaos.ledger import FATES, Ledger
from tests.chaos.proxy import Proxies
from tests.chaos.stores import check_stores
from tests.chaos.traffic import PARTITIONS, Kind, Traffic
from tests.deployment import Deployment, until

SESSION = 1.5  # seconds until a silent worker's lanes move
WORKERS = ("w1", "w2", "w3")
PROXIED = "w1"  # the worker that is behind proxies, where there are some
ANA = Person("ana")

PEOPLE = f"people:\n  ana@pay.example: {{certificate: ana, roles: [approvers], keys: [{ANA.jwk}]}}\n"


def _policy(version: int, principals: tuple[str, ...]) -> str:
    identity = {"refunds": "header"}
    lines = [
        f"  {name}: {{spiffe: spiffe://pay.example/{name}, identity: {identity.get(name, 'broker')}}}\n"
        for name in principals
    ]
    holds = [
        f"      - {{id: {kind}, when: 'has(record.kind) && record.kind == \"{kind}\"', reason: a test, "
        f"approvers: [approvers], expires: {expires}}}\n"
        for kind, expires in ((Kind.EXPIRES, "2s"), (Kind.APPROVED, "1h"), (Kind.HELD, "1h"))
    ]
    return (
        f"version: {version}\nlanes: 2\nprincipals:\n{''.join(lines)}{PEOPLE}"
        f"flows:\n  payments:\n    producers: [{', '.join(principals)}]\n    partitions: {PARTITIONS}\n"
        "    fields:\n      - {path: $.card.number, class: pan, strategy: token}\n"
        f"    hold:\n{''.join(holds)}"
    )


FIRST, SECOND = _policy(1, ("checkout", "refunds")), _policy(2, ("checkout", "refunds", "tills"))


def seed() -> int:
    """Of this run, which says so: PANLOCK_SEED repeats the choices of another."""
    chosen = int(os.environ.get("PANLOCK_SEED", "0")) or random.randrange(1, 2**31)
    print(f"repeat with PANLOCK_SEED={chosen}")
    return chosen


def java_hash(text: str) -> int:
    """Of ASCII, as Kafka places a transactional id: |String.hashCode()|."""
    found = 0
    for letter in text:
        found = (31 * found + ord(letter)) & 0xFFFFFFFF
    return min(found, (1 << 32) - found) if found != 1 << 31 else 0


class Chaos:
    """What is done to the workers, one step after another, while records come in."""

    def __init__(self, panlock: Deployment, cluster: DevCluster, seed: int, proxies: Proxies | None = None) -> None:
        self.panlock, self.cluster, self.random = panlock, cluster, random.Random(seed)
        self.fleet, self.proxies = Fleet(panlock, SESSION), proxies
        if proxies is not None:
            bootstrap = ",".join(f"127.0.0.1:{port}" for port in proxies.ports)
            self.fleet.more[PROXIED] = {"kafka": {**cluster.config("panlock-worker"), "bootstrap": bootstrap}}
        clients = {name: self._client(name) for name in ("checkout", "refunds")}
        self.traffic = Traffic(clients, "payments", seed)
        self.policies = [panlock.policy.hash]
        self.approved: set[str] = set()

    def _client(self, name: str) -> dict[str, object]:
        return librdkafka(self.cluster.config(name))

    def run(self, steps: Sequence[Callable[[], None]], records: int) -> None:
        """The steps in any order, so many records over all of them; then what must hold."""
        for name in WORKERS:
            self.fleet.start(name)
        until("two workers and a spare", lambda: self.fleet.all_open() and len(self.fleet.holders()) == 2)
        self.traffic.start()
        try:
            for number, step in enumerate(self.random.sample(steps, len(steps)), 1):
                self._step(step, records * number // len(steps))
            self._settle()
            assert self.fleet.stop_all() == dict.fromkeys(WORKERS, 0)
        finally:
            self.traffic.finish()
        Ledger(self.panlock, self.traffic.sent, self.policies).check("payments", self.traffic.principals)
        check_stores(self.fleet)

    def _step(self, step: Callable[[], None], target: int) -> None:
        """Send up to `target`, do the step somewhere on the way, and let all that was sent until then be decided."""
        began, start = time.monotonic(), self.traffic.count
        self.traffic.target = target
        when = self.random.randint(start, target)
        until("records sent", lambda: self.traffic.count >= when)
        self.approve()
        step()
        until("records sent", lambda: self.traffic.count >= target)
        self.fleet.wait_decided(when)
        print(f"{step.__name__}: {time.monotonic() - began:.1f} s, {self.fleet.decided()} of {target} decided")

    def kill(self) -> None:
        self._kill(self.random.choice(self._holders()))

    def kill_both(self) -> None:
        self._kill(*self._holders())

    def freeze(self) -> None:
        name = self.random.choice(self._holders())
        self.fleet.stop(name)
        until("the lanes moved", self.fleet.all_open)
        self.fleet.wait_decided(self.traffic.count)
        self.fleet.resume(name)

    def roll(self) -> None:
        self.panlock.set_policy(SECOND)
        self.policies.append(self.panlock.policy.hash)
        for name in WORKERS:
            code = self.fleet.workers[name].stop()
            assert code == 0, f"{name} ended with {code}: {self.fleet.workers[name].tail()}"
            self.fleet.start(name)
            until("all lanes open", self.fleet.all_open)
        self.traffic.add("tills", self._client("tills"))

    def restart_broker(self) -> None:
        """The only one, killed: stopped in order, it may lose the markers of what it commits meanwhile (guarantees)."""
        self._wait_up()
        self.cluster.kill_broker(0)
        self.cluster.start_broker(0)

    def roll_brokers(self) -> None:
        """All of them in order, one by one: the others have the leaders meanwhile."""
        self._wait_up()
        for broker in range(3):
            self.cluster.restart_broker(broker)

    def _wait_up(self) -> None:
        """One that finds no broker at its start ends, for its supervisor to start it again."""
        for worker in self.fleet.workers.values():
            worker.wait_ready()

    def lose_coordinator(self) -> None:
        """The broker that leads the transactions of a lane."""
        lane, topic = self.random.randrange(self.panlock.policy.lanes), "__transaction_state"
        id_ = f"{self.panlock.policy.application}-{lane}"
        count = len(self.panlock.admin.list_topics(topic, timeout=30).topics[topic].partitions)
        self._lose(self._leader(topic, java_hash(id_) % count))

    def lose_state(self) -> None:
        """The broker that leads a lane's changelog."""
        self._lose(self._leader("panlock.state", self.random.randrange(self.panlock.policy.lanes)))

    def _leader(self, topic: str, partition: int) -> int:
        """Its number, counted from 0."""

        def leader() -> int | None:
            found = self.panlock.admin.list_topics(topic, timeout=30).topics[topic].partitions[partition].leader
            return found if found > 0 else None

        return until(f"a leader of {topic}/{partition}", leader) - 1

    def _lose(self, broker: int) -> None:
        """kill -9, and down for as long as it takes to decide all that has been sent."""
        self._wait_up()
        self.cluster.kill_broker(broker)
        self.fleet.wait_decided(self.traffic.count)
        self.cluster.start_broker(broker)

    def lose_only_replica(self) -> None:
        """Of clean partition 1: lane 1 waits for its broker, lane 0 decides all that it gets.

        With nothing in flight: Kafka may leave a partition that has no leader out of what ends a transaction
        (operations.md, *A transaction that nobody ends*), and then it takes a person.
        """
        broker = self._leader("clean.payments", 1)
        self.traffic.target = 0
        until("what was sent acknowledged", lambda: len(self.traffic.sent) == self.traffic.count)
        self._wait_quiet()
        self._wait_up()
        self.cluster.kill_broker(broker)
        self.traffic.target = self.traffic.count + 1_500
        until("all is sent", lambda: len(self.traffic.sent) == self.traffic.target)
        until("lane 0 to go on alone", lambda: self.fleet.lane_decided(0) == self._sent(0))
        assert self.fleet.lane_decided(1) < self._sent(1), "lane 1 has nowhere to write to"
        self.cluster.start_broker(broker)

    def cut_off(self) -> None:
        """The worker behind the proxies, which has a lane: others decide all; then it is back in the group."""
        assert self.proxies is not None
        while PROXIED not in (holders := self._holders()):
            gone = self.random.choice(holders)
            self.fleet.kill(gone)
            until("its lanes moved", lambda: self.fleet.all_open() and len(self.fleet.holders()) == 2)
            self.fleet.start(gone)
        self.proxies.cut()
        self.fleet.wait_decided(self.traffic.count)
        self.proxies.mend()
        self.fleet.workers[PROXIED].wait_ready()

    def _sent(self, lane: int) -> int:
        return sum(record.partition % self.panlock.policy.lanes == lane for record in self.traffic.sent)

    def approve(self) -> None:
        def wanted(record: str, rule: str) -> bool:
            return rule == Kind.APPROVED and record not in self.approved

        self.approved |= set(ANA.decide(self.panlock, lambda each: wanted(each.record, each.rule)))

    def _holders(self) -> list[str]:
        return until("a worker with a lane", self.fleet.holders)

    def _kill(self, *names: str) -> None:
        for name in names:
            self.fleet.kill(name)
        for name in names:
            self.fleet.start(name)

    def _settle(self) -> None:
        """Until nothing waits but what waits for good."""
        self.traffic.finish()
        assert not self.traffic.errors
        assert len(self.traffic.sent) == self.traffic.count
        self._wait_quiet()
        due = sum("released" in FATES[sent.kind] for sent in self.traffic.sent.values())
        with suppress(AssertionError):  # the ledger says which are missing
            until(f"{due} clean records", lambda: len(self.panlock.read("clean.payments")) >= due)

    def _wait_quiet(self) -> None:
        self.fleet.wait_decided(self.traffic.count)

        def nothing_waits() -> bool:
            self.approve()
            return all(each.rule == Kind.HELD for each in pending(self.panlock))

        until("all holds ended", nothing_waits)
