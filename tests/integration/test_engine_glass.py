"""Break-glass on a real broker: by the command line, over a worker's death, and each attack refused and audited."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.dev.cluster import DevCluster
from pipeline.approval.decision import sign_message
from pipeline.approval.glass import GlassBreak
from pipeline.policy.topics import DECISIONS
from tests.approving import Person, pending
from tests.deployment import Deployment, WorkerProcess, until
from tests.integration.cli_runner import Cli, run
from tests.integration.engine_policy import CHECKOUT, CLEAN

NAMES = {"ana": "reviewers", "ben": "duty", "cem": "duty", "dee": "duty", "eve": "duty, reviewers", "zoe": "approvers"}
PEOPLE = {name: Person(name) for name in NAMES}
STRANGER = Person("zoe")
SOFTWARE = ("ana", "cem", "zoe")  # the others' keys are in hardware, as the policy says
SECRET = "correct horse battery"


def entry(name: str) -> str:
    key = PEOPLE[name].jwk if name in SOFTWARE else PEOPLE[name].jwk.replace("{", '{"hardware": true, ', 1)
    return f"  {name}@pay.example: {{certificate: {name}, roles: [{NAMES[name]}], keys: [{key}]}}\n"


POLICY = f"""
version: 1
lanes: 1
principals:
  checkout: {{spiffe: spiffe://pay.example/checkout, owners: [ben@pay.example]}}
people:
{"".join(map(entry, NAMES))}
break_glass: {{roles: [duty], reviewers: [reviewers]}}
flows:
  payments:
    producers: [checkout]
    partitions: 1
    hold:
      - {{id: large, when: has(record.amount), reason: a test, approvers: [approvers], expires: 1h}}
"""
RECORD = f"{CHECKOUT}/0/0"


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, POLICY) as deployment:
        deployment.worker().wait_ready(1)
        deployment.produce(CHECKOUT, [(0, b"k", b'{"amount":1}')])
        until("the record that is held", lambda: pending(deployment))
        yield deployment


@pytest.fixture
def people(panlock: Deployment, tmp_path: Path) -> dict[str, Cli]:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    made = {}
    for name, person in PEOPLE.items():
        (tmp_path / f"{name}.pem").write_bytes(person.key.as_pem(private=True, password=SECRET))
        config, environment = {"person": {"key": f"{name}.pem"}}, {"PANLOCK_PASSPHRASE_FILE": str(secret)}
        made[name] = Cli(panlock.cluster, tmp_path, name, config, environment)
    return made


def alarms(worker: WorkerProcess) -> list[str]:
    return [each["record"] for lane in worker.status()["lanes"] for each in lane["break_glass"]]


def test_two_people_release_a_record_and_the_alarm_stays_until_a_third_has_looked(
    panlock: Deployment, people: dict[str, Cli]
) -> None:
    first = people["dee"]("break-glass", "release", RECORD, "--reason", "issuer down", "--wait", "45")
    assert first.code == 0 and "a second person has an hour" in first.err
    (waits,) = people["ana"]("break-glass", "list", "--json").json["signed"]
    assert (waits["record"], waits["person"]) == (RECORD, "dee@pay.example")
    assert panlock.read(CLEAN) == []
    panlock.workers[0].kill()  # with one signature of two
    panlock.worker().wait_ready(1)
    second = people["eve"]("break-glass", "release", RECORD, "--reason", "seen", "--wait", "45", "--json")
    assert second.json == {"record": RECORD, "state": "released"}
    assert [record.value for record in panlock.read(CLEAN)] == [b'{"amount":1}']
    worker = panlock.workers[-1]
    assert alarms(worker) == [RECORD] and "released by break-glass" in worker.log.read_text()
    worker.kill()
    worker = panlock.worker().wait_ready(1)
    assert alarms(worker) == [RECORD]
    assert worker.get("/readyz") == (200, {"ready": True, "kafka": True, "closed": {}, "break_glass": {"0": 1}})
    assert "1 released by break-glass, to review" in run("lanes", "--worker", worker.url).out
    assert "released, to review" in people["ana"]("break-glass", "list").out
    own = people["eve"]("break-glass", "review", RECORD, "--reason", "mine", "--wait", "1", "--json")
    assert own.json["state"] == "sent"
    reviewed = people["ana"]("break-glass", "review", RECORD, "--reason", "was right", "--wait", "45", "--json")
    assert reviewed.json["state"] == "reviewed"
    assert alarms(worker) == []
    assert people["ana"]("break-glass", "list", "--json").json == {"signed": [], "alarms": []}
    told = [(event["type"], event.get("reason")) for event in panlock.events()]
    assert [
        each for each in told if "break-glass" in each[0] or each[0] in ("record.released", "decision.refused")
    ] == [
        ("break-glass.signed", "issuer down"),
        ("break-glass.signed", "seen"),
        ("break-glass.used", None),
        ("record.released", "released-by-break-glass"),
        ("decision.refused", "repeated"),
        ("break-glass.reviewed", "was right"),
    ]
    again = people["ana"]("break-glass", "release", RECORD, "--reason", "again")
    assert again.code == 2 and "is not pending" in again.err


def sign(panlock: Deployment, person: Person, **changes: Any) -> bytes:
    (held,) = pending(panlock)
    good = {"cluster": panlock.cluster_id(), "topic_id": held.topic_id, "record": held.record, "sha256": held.sha256,
            "reason": "an attack", "jti": uuid.uuid4().hex, "iat": int(time.time()), **changes}  # fmt: skip
    return sign_message(person.key, GlassBreak(**good))


def test_each_attack_is_refused_and_audited_and_nothing_is_released(panlock: Deployment) -> None:
    dee, eve = PEOPLE["dee"], PEOPLE["eve"]
    first = sign(panlock, dee)
    panlock.produce(DECISIONS, [(0, b"g", first)], "dee")
    attacks = [
        ("repeated", first),
        ("repeated", sign(panlock, dee)),
        ("unknown-key", sign(panlock, STRANGER)),
        ("key-not-hardware", sign(panlock, PEOPLE["cem"])),
        ("owner", sign(panlock, PEOPLE["ben"])),
        ("wrong-role", sign(panlock, PEOPLE["zoe"])),
        ("wrong-hash", sign(panlock, eve, sha256="0" * 64)),
        ("wrong-topic", sign(panlock, eve, topic_id="another")),
        ("wrong-cluster", sign(panlock, eve, cluster="another")),
        ("unknown-record", sign(panlock, eve, record=f"{CHECKOUT}/0/9")),
        ("expired", sign(panlock, eve, iat=int(time.time()) - 901)),
    ]
    panlock.produce(DECISIONS, [(0, b"g", raw) for _, raw in attacks], "dee")
    refused = panlock.wait_events(len(attacks), "decision.refused")
    assert [each["reason"] for each in refused] == [reason for reason, _ in attacks]
    assert panlock.read(CLEAN) == [] and len(pending(panlock)) == 1
