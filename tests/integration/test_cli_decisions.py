"""`panlock pending`, `approve` and `deny` on a real broker; the test plays the worker."""

import asyncio
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import ConsumerRecord

from deploy.dev.cluster import DevCluster
from pipeline.approval.decision import Decision, read_decision
from pipeline.approval.pending import Pending
from pipeline.approval.weigh import Approved, Denied, Quorum, weigh
from pipeline.policy.topics import DECISIONS, PENDING
from tests.deployment import Deployment, until
from tests.integration.cli_runner import Cli, Ended
from tests.vectors.decision.people import ANA, BEN, EVE, HERE, pending

POLICY = (HERE / "policy.yaml").read_text() + "lanes: 2\n"
SECRET = "correct horse battery"
LATE = 4_102_444_800_000  # the year 2100
OFFSETS = itertools.count()  # each test holds records of its own: all share one cluster


class Worker:
    """What a worker does with panlock.pending and panlock.decisions, for the record of one test."""

    def __init__(self, panlock: Deployment) -> None:
        self.panlock = panlock
        self.held = pending(record=f"quarantine.payments.refunds/3/{next(OFFSETS)}", expires=LATE)
        self.id = self.held.record  # partition 3: lane 1
        self.show(self.held)

    def show(self, held: Pending | None, raw: bytes | None = None, record: str | None = None) -> None:
        async def go() -> None:
            producer = AIOKafkaProducer(**self.panlock.client("panlock-worker"))
            await producer.start()
            value = raw or (None if held is None else held.encode())
            await producer.send_and_wait(PENDING, value, (record or self.id).encode(), 1)
            await producer.stop()

        asyncio.run(go())

    def heard(self) -> list[ConsumerRecord]:
        return [record for record in self.panlock.read(DECISIONS) if record.key == self.id.encode()]

    def decision(self, number: int = -1) -> Decision:
        found = read_decision(self.heard()[number].value, self.panlock.policy)
        assert isinstance(found, Decision)
        return found

    def weigh_last(self, held: Pending) -> Approved | Quorum | Denied:
        decision = self.decision()
        return weigh(decision, self.heard()[-1].timestamp, held, True, decision.cluster, self.panlock.policy)


@pytest.fixture(scope="module")
def panlock(cluster: DevCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path_factory.mktemp("decisions"), POLICY) as deployed:
        yield deployed


@pytest.fixture
def worker(panlock: Deployment) -> Worker:
    return Worker(panlock)


Person = Callable[[str, object], Cli]


@pytest.fixture
def person(cluster: DevCluster, tmp_path: Path) -> Person:
    def make(name: str, key: object) -> Cli:
        (tmp_path / f"{name}.decisions.pem").write_bytes(key.as_pem(private=True, password=SECRET))
        secret = tmp_path / "secret"
        secret.write_text(SECRET + "\n")
        config = {"person": {"key": f"{name}.decisions.pem"}}
        return Cli(cluster, tmp_path, name, config, {"PANLOCK_PASSPHRASE_FILE": str(secret)})

    return make


def test_what_waits_is_listed_without_its_content(worker: Worker, person: Person) -> None:
    first, gone = f"{worker.id}1", f"{worker.id}2"
    worker.show(pending(record=first, expires=1), record=first)
    worker.show(pending(record=gone), record=gone)
    worker.show(None, record=gone)
    ana = person("ana", ANA)
    listed = [each for each in ana("pending", "list", "--json").json if each["record"] in (worker.id, first, gone)]
    assert [each["record"] for each in listed] == [first, worker.id]
    assert listed[1]["quorum"] == 2
    assert "value" not in listed[1]
    assert ana("pending", "list", "--flow", "other", "--json").json == []
    (shown,) = [line for line in ana("pending", "list").out.splitlines() if f"{worker.id} " in line]
    assert "large-refund" in shown
    assert "0 of 2" in shown


def test_a_held_record_is_shown_whole(worker: Worker, person: Person) -> None:
    ana = person("ana", ANA)
    shown = ana("pending", "show", worker.id)
    assert shown.code == 0
    assert '"amount": 7500.5' in shown.out
    assert worker.held.sha256 in shown.out
    assert "order-1" in shown.out
    told = ana("pending", "show", worker.id, "--json").json
    assert told.pop("verified") is True
    assert Pending.decode(json.dumps(told).encode()) == worker.held


def test_an_approval_reaches_the_records_lane_and_counts_as_its_signers(worker: Worker, person: Person) -> None:
    ended = person("ana", ANA)("approve", worker.id, "--reason", "checked with the customer", "--wait", "0")
    assert ended.code == 0, ended.err
    assert f"{worker.id}: sent as panlock.decisions/1/" in ended.err
    assert [record.partition for record in worker.heard()] == [1]
    assert worker.decision().person == "ana@pay.example"
    voted = worker.weigh_last(worker.held)
    assert isinstance(voted, Approved)
    person("ben", BEN)("approve", worker.id, "--reason", "seen", "--wait", "0")
    assert isinstance(worker.weigh_last(voted.pending), Quorum)


def test_a_denial_is_one_word(worker: Worker, person: Person) -> None:
    assert person("ben", BEN)("deny", worker.id, "--reason", "not ours", "--wait", "0").code == 0
    assert isinstance(worker.weigh_last(worker.held), Denied)


@pytest.mark.parametrize(
    ("word", "counted", "told"),
    [
        ("approve", True, "your approval counts, 1 of 2 (ana@pay.example)"),
        ("approve", False, "no longer pending: somebody has denied it"),
        ("deny", False, "denied"),
    ],
)
def test_the_workers_answer_is_waited_for(worker: Worker, person: Person, word: str, counted: bool, told: str) -> None:
    def answer() -> None:
        until("a decision", worker.heard)
        worker.show(worker.weigh_last(worker.held).pending if counted else None)

    answering = threading.Thread(target=answer)
    answering.start()
    ended = person("ana", ANA)(word, worker.id, "--reason", "seen", "--wait", "30")
    answering.join()
    assert told in ended.err


def test_the_answer_for_programs_says_where_it_went(worker: Worker, person: Person) -> None:
    told = person("ana", ANA)("deny", worker.id, "--reason", "seen", "--wait", "0", "--json").json
    place = f"panlock.decisions/1/{worker.heard()[0].offset}"
    assert told == [{"record": worker.id, "decision": "deny", "sent": place, "state": "sent"}]


def refused(ended: Ended, worker: Worker, *why: str) -> None:
    assert ended.code == 2
    assert "nothing was signed or sent" in ended.err
    for each in why:
        assert each in ended.err
    assert worker.heard() == []


def test_altered_bytes_are_shown_as_such_and_not_signed(worker: Worker, person: Person) -> None:
    worker.show(replace(worker.held, value=worker.held.value.replace(b"7500.5", b"1.0")))
    ana = person("ana", ANA)
    shown = ana("pending", "show", worker.id)
    assert shown.code == 1
    assert "do NOT approve" in shown.err
    refused(ana("approve", worker.id, "--reason", "seen"), worker, "panlock.pending was altered")


def test_a_preview_under_another_records_id_is_not_signed(worker: Worker, person: Person) -> None:
    other = f"{worker.id}99"
    worker.show(worker.held, record=other)
    refused(person("ana", ANA)("approve", other, "--reason", "seen"), worker, "another record id")


def test_with_one_id_in_doubt_nothing_is_sent(worker: Worker, person: Person) -> None:
    gone = f"{worker.id}7"
    refused(person("ana", ANA)("approve", worker.id, gone, "--reason", "seen"), worker, f"{gone} is not pending")


@pytest.mark.parametrize(
    ("owner", "approvers", "why"),
    [
        ("olga@pay.example", ("others",), "has none of the roles that may decide it (others)"),
        ("ana@pay.example", ("payments-approvers",), "owns the producer refunds"),
    ],
)
def test_with_the_policy_at_hand_a_word_that_would_not_count_is_not_sent(
    worker: Worker, person: Person, tmp_path: Path, owner: str, approvers: tuple[str, ...], why: str
) -> None:
    file = tmp_path / "seen.yaml"
    file.write_text(POLICY.replace("[olga@pay.example]", f"[{owner}]").replace("quorum: 2", "quorum: 1"))
    worker.show(replace(worker.held, approvers=approvers))
    refused(person("ana", ANA)("approve", worker.id, "--reason", "seen", "--policy", str(file)), worker, why)


def test_a_key_that_the_policy_does_not_know_is_told_first(worker: Worker, person: Person) -> None:
    policy = str(worker.panlock.policy_file)
    ended = person("ana", EVE)("approve", worker.id, "--reason", "seen", "--policy", policy)
    assert ended.code == 2
    assert "gives this key to nobody" in ended.err


@pytest.mark.parametrize("reason", ["two\nlines", "card 4111 1111 1111 1111 is stolen"])
def test_a_reason_that_may_not_stay_in_the_audit_is_not_signed(worker: Worker, person: Person, reason: str) -> None:
    ended = person("ana", ANA)("approve", worker.id, "--reason", reason)
    assert ended.code == 2
    assert "reason" in ended.err
    assert worker.heard() == []


def test_who_is_in_no_policy_sees_nothing(worker: Worker, person: Person) -> None:
    ended = person("mallory", EVE)("pending", "list", "--json")
    assert (ended.code, ended.out) == (3, "")


def test_an_unreadable_preview_does_not_hide_the_others(worker: Worker, person: Person) -> None:
    broken = f"{worker.id}5"
    worker.show(None, raw=b"\xff\x1b[2J", record=broken)
    ended = person("ana", ANA)("pending", "list", "--json")
    assert worker.id in [each["record"] for each in ended.json]
    assert broken in ended.err
    assert "\x1b[2J" not in ended.err
