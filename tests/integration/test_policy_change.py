"""A policy that people change, on a real broker: the whole way by the command line, and the ways around it."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from agents.approved import approved
from agents.settings import Kafka
from deploy.dev.cluster import DevCluster
from pipeline.approval.change import read_change
from pipeline.approval.standing import UnapprovedError
from pipeline.policy.bundle import Bundle
from pipeline.policy.topics import POLICY
from tests.audited import check_chain
from tests.changing import KEYS, bundle, person, value
from tests.deployment import Deployment, WorkerProcess, until
from tests.integration.cli_runner import Cli

FIRST, NEXT = bundle(1), bundle(2, ("> 5.0", "> 9.0"), files={"ca.pem": b"an authority"})


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, FIRST.text.decode()) as deployment:
        yield deployment


def cli(panlock: Deployment, name: str, **config: str) -> Cli:
    key = panlock.directory / f"{name}.pem"
    raw = KEYS[name].raw_value
    key.write_bytes(raw.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))  # type: ignore[union-attr]
    return Cli(panlock.cluster, panlock.directory, name, {"person": {"key": str(key)}, **config}, {})


def refused(worker: WorkerProcess) -> str:
    """The message of a worker that does not start."""
    assert worker.process.wait(60) == 2
    return worker.tail()


def say(panlock: Deployment, name: str, *arguments: object, **other: object) -> None:
    """A word straight onto the topic, by the certificate of whoever signs it."""
    (act, what, over) = arguments
    fields = {"cluster": panlock.cluster_id(), **other}
    raw = value(act, name, what, over, **fields)  # type: ignore[arg-type]
    panlock.produce(POLICY, [(0, f"{act}/{name}/{fields.get('jti', '')}".encode(), raw)], name)


def ask(panlock: Deployment, what: Bundle) -> int:
    """Version in force, if a worker may start on this bundle. Raises UnapprovedError."""
    kafka = Kafka.model_validate(panlock.cluster.config("panlock-worker"))
    return asyncio.run(approved(kafka, what, FIRST.hash))[-1].bundle.policy.version


def test_a_policy_is_changed_by_its_quorum_and_by_nothing_less(panlock: Deployment, tmp_path: Path) -> None:
    assert "genesis: <hash>" in refused(panlock.worker("w0"))
    assert "panlock init" in refused(panlock.worker("w0", genesis=FIRST.hash))
    init = cli(panlock, "ana")("init", "--policy", str(panlock.policy_file))
    assert f"genesis: {FIRST.hash}" in init.err
    assert "has its first bundle already" in cli(panlock, "cy")("init", "--policy", str(panlock.policy_file)).err
    first = panlock.worker("w1", genesis=FIRST.hash).wait_ready(2)
    ana, ben, cy, eve = (cli(panlock, name, genesis=FIRST.hash) for name in ("ana", "ben", "cy", "eve"))
    file = tmp_path / "next.yaml"
    file.write_bytes(NEXT.text)
    authority = panlock.directory / "ca.pem"
    for place in (authority, tmp_path / "ca.pem"):
        place.write_bytes(NEXT.files["ca.pem"])

    mistaken = tmp_path / "mistaken.yaml"
    mistaken.write_bytes(bundle(2, ("> 5.0", "> 900.0")).text)
    assert ben("policy", "propose", str(mistaken), "--reason", "a slip").code == 0
    assert "waits no longer" in ben("policy", "deny", "--reason", "900 is wrong").err
    proposed = ben("policy", "propose", str(file), "--reason", "small amounts need nobody", "--json")
    assert proposed.json["approvals"] == [] and "condition-changed" in proposed.err
    shown = ana("policy", "show", "--json").json
    assert [each["kind"] for each in shown["weaker"]] == ["condition-changed", "authority-added"] and shown["waiting"]
    lines = ana("policy", "show").out.splitlines()
    assert next(at for at, line in enumerate(lines) if "weaker" in line) < next(
        at for at, line in enumerate(lines) if line.startswith("-version")
    ), "what gets weaker comes before the lines that change"
    assert ana("policy", "approve", "--reason", "fine").code == 0
    assert "too few" in ana("policy", "apply").err
    assert "an author does not count" in ben("policy", "approve", "--reason", "mine").err
    assert "counts people" in ana("policy", "approve", "--reason", "again").err
    assert "not there for this certificate" in eve("policy", "approve", "--reason", "me too").err
    panlock.set_policy(NEXT.text.decode())
    assert "1 of 2 people" in refused(panlock.worker("w2", genesis=FIRST.hash))
    assert cy("policy", "approve", "--reason", "fine, too").code == 0
    assert "panlock policy apply" in refused(panlock.worker("w2", genesis=FIRST.hash))
    assert cy("policy", "fetch", NEXT.hash[:8], "--out", str(tmp_path / "out")).code == 0
    assert (tmp_path / "out" / "policy.yaml").read_bytes() == NEXT.text
    assert (tmp_path / "out" / "ca.pem").read_bytes() == NEXT.files["ca.pem"]
    assert cy("policy", "apply", "--json").json["in_force"]

    second = panlock.worker("w2", genesis=FIRST.hash)
    first.stop()
    second.wait_ready(2)
    assert _told(panlock) == {(lane, act, name) for lane in (0, 1) for act, name in WORDS}
    check_chain(panlock)
    authority.write_bytes(b"another authority")
    assert "changed after people approved it" in refused(panlock.worker("w1", genesis=FIRST.hash))
    panlock.set_policy(FIRST.text.decode())
    assert "it was before" in refused(panlock.worker("w1", genesis=FIRST.hash))
    panlock.produce("quarantine.payments.checkout", [(0, b"k", b'{"amount":7}')])
    assert panlock.wait_events(1, "record.released")


WORDS = [
    ("policy.proposed", "ana"), ("policy.proposed", "ben"), ("policy.approved", "ana"),
    ("policy.approved", "cy"), ("policy.applied", "cy"),
]  # fmt: skip


def _told(panlock: Deployment) -> set[tuple[int, str, str]]:
    """(lane, event, person) of every word in the audit whose signature holds under the first policy."""
    found = set()
    for event in panlock.events():
        if event["type"].startswith("policy."):
            change = read_change(event["jws"].encode(), FIRST.policy)
            assert not isinstance(change, str) and change.person == event["actor"]["person"]
            assert change.bundle == event["resource"]["bundle"]
            found.add((event["lane"], event["type"], change.person.split("@")[0]))
    return found


def test_the_ways_around_it_lead_nowhere(panlock: Deployment) -> None:
    say(panlock, "ana", "propose", FIRST, None)
    assert ask(panlock, FIRST) == 1
    # one approval too few, and one by the author
    say(panlock, "ben", "propose", NEXT, FIRST)
    say(panlock, "ana", "approve", NEXT, FIRST)
    say(panlock, "ben", "approve", NEXT, FIRST)
    say(panlock, "ana", "approve", NEXT, FIRST, jti="once-more")
    say(panlock, "dee", "apply", NEXT, FIRST)
    with pytest.raises(UnapprovedError, match="1 of 2 people"):
        ask(panlock, NEXT)
    # an approver by the proposed policy
    promoted = bundle(2, (person("eve", "payments-approvers"), person("eve", "policy-approvers")),
                      ("approvers: [payments-approvers]", "approvers: [policy-approvers]"))  # fmt: skip
    say(panlock, "ben", "propose", promoted, FIRST)
    say(panlock, "ana", "approve", promoted, FIRST)
    raw = value("approve", "eve", promoted, FIRST, cluster=panlock.cluster_id())
    panlock.produce(POLICY, [(0, b"approve/eve", raw)], "ana")  # eve may not write there, and found somebody who does
    say(panlock, "ana", "apply", promoted, FIRST)
    with pytest.raises(UnapprovedError, match="1 of 2 people"):
        ask(panlock, promoted)
    # the quorum, and then an older version, a changed one, and a first bundle once more
    say(panlock, "cy", "approve", NEXT, FIRST)
    say(panlock, "cy", "apply", NEXT, FIRST)
    assert ask(panlock, NEXT) == 2
    say(panlock, "ana", "propose", bundle(1, ("> 5.0", "> 8.0")), NEXT)
    say(panlock, "ana", "propose", FIRST, None)
    for other, told in (
        (FIRST, "it was before"),
        (bundle(1, ("> 5.0", "> 8.0")), "older"),
        (bundle(2, ("> 5.0", "> 10.0")), "changed"),
    ):
        with pytest.raises(UnapprovedError, match=told):
            ask(panlock, other)
    panlock.produce(POLICY, [(0, b"apply/cy/", None)], "cy")  # a tombstone
    assert ask(panlock, NEXT) == 2


def test_what_a_denied_person_says_counts_no_more(cluster: DevCluster, tmp_path: Path) -> None:
    eve = ("roles: [payments-approvers], keys", "roles: [payments-approvers, operators], keys")
    first, following = bundle(1, eve), bundle(2, eve, ("> 5.0", "> 9.0"))
    with Deployment(cluster, tmp_path, first.text.decode()) as panlock:
        say(panlock, "ana", "propose", first, None)
        say(panlock, "ben", "propose", following, first)
        say(panlock, "ana", "approve", following, first)
        say(panlock, "cy", "approve", following, first)
        lost = "--reason", "her laptop is lost"
        assert cli(panlock, "eve")("deny", "--person", "ana@pay.example", *lost).code == 0
        assert "1 of 2 people" in cli(panlock, "dee", genesis=first.hash)("policy", "apply").err
        say(panlock, "ana", "approve", following, first, jti="once-more")
        assert "is denied by eve" in cli(panlock, "ana", genesis=first.hash)("policy", "approve", *lost).err
        assert "1 of 2 people" in cli(panlock, "dee", genesis=first.hash)("policy", "apply").err
        assert cli(panlock, "eve")("deny", "--person", "ana@pay.example", "--lift", "--reason", "found").code == 0
        say(panlock, "ana", "approve", following, first, jti="found-again")
        assert cli(panlock, "dee", genesis=first.hash)("policy", "apply").code == 0


def test_a_lane_goes_back_neither_to_an_older_policy_nor_to_none(panlock: Deployment) -> None:
    say(panlock, "ana", "propose", FIRST, None)
    say(panlock, "ben", "propose", NEXT, FIRST)
    say(panlock, "ana", "approve", NEXT, FIRST)
    say(panlock, "cy", "approve", NEXT, FIRST)
    say(panlock, "cy", "apply", NEXT, FIRST)
    panlock.set_policy(NEXT.text.decode())
    (panlock.directory / "ca.pem").write_bytes(NEXT.files["ca.pem"])
    panlock.worker("w1", genesis=FIRST.hash).wait_ready(2).stop()
    panlock.recreate(POLICY)
    say(panlock, "ana", "propose", FIRST, None)
    panlock.set_policy(FIRST.text.decode())
    worker = panlock.worker("w1", genesis=FIRST.hash)
    _stays_closed(worker, "opened under version 2")
    worker.kill()
    panlock.set_policy(FIRST.text.decode().replace("policy_approvers: {roles: [policy-approvers], quorum: 2}\n", ""))
    _stays_closed(panlock.worker("w1"), "asks nobody")


def _stays_closed(worker: WorkerProcess, told: str) -> None:
    def closed() -> bool:
        lanes = worker.status()["lanes"]
        return len(lanes) == 2 and all(told in json.dumps(each["why"]) for each in lanes)

    until(f"both lanes closed: {told}", closed)
