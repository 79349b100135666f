"""`panlock recordings` on a real broker, with a worker: told before it is shown, and the lane's chain says so."""

import json
import stat
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import NewTopic

from deploy.dev.cluster import DevCluster
from deploy.grants import Acl
from deploy.observed import to_binding
from pipeline.approval.decision import sign_message
from pipeline.approval.replay import Replay
from pipeline.policy.topics import DECISIONS
from tests.audited import check_chain, wait_fates
from tests.deployment import Deployment
from tests.integration.cli_runner import Cli
from tests.integration.engine_policy import ANA, CHECKOUT, EVE, LONG, POLICY

SECRET = "correct horse battery"
RECORDED = POLICY.replace("    partitions: 2\n", "    partitions: 2\n    recording: masked\n")
RECORDED = RECORDED.replace("certificate: eve, roles: [approvers]", "certificate: eve, roles: [replayers]")
ASKING = RECORDED.replace("recording: masked", "recording: {mode: masked, approvers: [approvers]}")


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, RECORDED) as deployment:
        deployment.worker().wait_ready(2)
        written = [(0, b"k", b'{"number":"4111 1111 1111 1111"}'), (1, b"k", b'{"number":'), (0, b"k", LONG)]
        deployment.produce(CHECKOUT, written)
        fates = {"0/0": "released", "1/0": "rejected malformed-json", "0/1": "held"}
        wait_fates(deployment, {f"{CHECKOUT}/{place}": [fate] for place, fate in fates.items()})
        yield deployment
        check_chain(deployment)


def person(panlock: Deployment, name: str, key: object) -> Cli:
    pem = panlock.directory / f"{name}.decisions.pem"
    pem.write_bytes(key.as_pem(private=True, password=SECRET))  # type: ignore[attr-defined]
    return Cli(panlock.cluster, panlock.directory, name, {"person": {"key": str(pem)}}, {"PANLOCK_PASSPHRASE": SECRET})


def test_a_person_with_the_role_replays_a_session_and_the_audit_says_so(panlock: Deployment) -> None:
    eve, ana = person(panlock, "eve", EVE.key), person(panlock, "ana", ANA.key)
    assert ana("deny", f"{CHECKOUT}/0/1", "--reason", "not ours", "--wait", "30").code == 0
    files = ("--policy", str(panlock.policy_file))
    (line,) = eve("recordings", "list", *files, "--json").json
    assert (line["principal"], line["records"], line["refused"]) == ("checkout", 3, 1)

    asked = (
        "recordings",
        "replay",
        "--flow",
        "payments",
        "--principal",
        "checkout",
        *files,
        "--reason",
        "incident 812",
    )
    refused = ana(*asked)
    assert (refused.code, refused.out, "has not the role replayers" in refused.err) == (2, "", True)

    told = eve(*asked, "--json")
    assert told.code == 0, told.err
    entries = [json.loads(each) for each in told.out.splitlines()]
    fates: dict[str, list[str]] = {}
    for entry in entries:
        fates.setdefault(entry["record"], []).append(entry["what"])
    assert fates == {
        f"{CHECKOUT}/0/0": ["written", "record.released"],
        f"{CHECKOUT}/1/0": ["written", "record.rejected"],
        f"{CHECKOUT}/0/1": ["written", "record.held", "decision.accepted", "record.rejected"],
    }
    assert [each["after"] for each in entries] == sorted(each["after"] for each in entries)
    assert "tok_k1_" in told.out
    assert "4111" not in told.out + told.err
    (event,) = panlock.wait_events(1, "recording.read")
    assert (event["actor"], event["reason"]) == ({"person": "eve@pay.example"}, "incident 812")

    shown = eve("recordings", "show", f"{CHECKOUT}/0/1", *files, "--reason", "incident 812")
    assert shown.code == 0, shown.err
    assert (
        "decision.accepted" in shown.out and "by ana@pay.example, deny" in shown.out and '"hold": "long"' in shown.out
    )
    assert len(panlock.wait_events(2, "recording.read")) == 2
    missing = eve("recordings", "show", f"{CHECKOUT}/0/77", *files, "--reason", "incident 812")
    assert (missing.code, missing.out, "is not recorded" in missing.err) == (2, "", True)


def test_a_session_goes_to_a_new_file_and_to_a_topic_with_its_masked_bytes(panlock: Deployment) -> None:
    eve, files = person(panlock, "eve", EVE.key), ("--policy", str(panlock.policy_file))
    asked = (
        "recordings",
        "replay",
        "--flow",
        "payments",
        "--principal",
        "checkout",
        *files,
        "--reason",
        "incident 812",
    )
    out = panlock.directory / "session.ndjson"
    assert eve(*asked, "--out", str(out)).code == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert len(out.read_text().splitlines()) == 6
    again = eve(*asked, "--out", str(out))
    assert (again.code, "is there already" in again.err) == (2, True)

    topic = "investigation-812"
    panlock.admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    denied = eve(*asked, "--topic", topic)
    assert denied.code == 3, "nobody has given her the right to write there"
    allow(panlock, "eve", topic)
    assert eve(*asked, "--topic", topic).code == 0
    copied = panlock.read(topic)
    assert [dict(each.headers)["panlock-record-id"].decode() for each in copied] == [
        f"{CHECKOUT}/0/0",
        f"{CHECKOUT}/0/1",
    ]
    assert b"tok_k1_" in (copied[0].value or b"") and copied[1].value == LONG
    places = [event["recording"]["place"] for event in panlock.wait_events(3, "recording.read")]
    assert sorted(places) == ["file", "topic", "topic"]


def allow(panlock: Deployment, name: str, topic: str) -> None:
    acls = [Acl("topic", topic, "LITERAL", f"User:{name}", operation) for operation in ("WRITE", "DESCRIBE")]
    for future in panlock.admin.create_acls([to_binding(acl) for acl in acls]).values():
        future.result(30)


def test_where_others_must_agree_nothing_is_read_before(panlock: Deployment) -> None:
    panlock.set_policy(ASKING)
    assert panlock.workers[0].stop() == 0
    panlock.worker().wait_ready(2)
    eve, ana, files = (
        person(panlock, "eve", EVE.key),
        person(panlock, "ana", ANA.key),
        ("--policy", str(panlock.policy_file)),
    )
    session = (
        "--flow",
        "payments",
        "--principal",
        "checkout",
        "--since",
        "2026-01-01T00:00:00Z",
        "--until",
        "2100-01-01T00:00:00Z",
    )
    asked = ("recordings", "replay", *session, *files, "--reason", "incident 812", "--json")
    refused = eve(*asked)
    assert (refused.code, refused.out, "takes the word of 1" in refused.err) == (2, "", True)
    assert panlock.events("recording.read") == []
    alone = Replay(
        panlock.cluster_id(), 0, "payments", "checkout", "", 0, 1, "masked", "terminal", "", "incident 812",
        uuid.uuid4().hex, int(time.time()),
    )  # fmt: skip
    panlock.produce(DECISIONS, [(0, b"replay/0", sign_message(EVE.key, alone))], "eve")
    (ignored,) = panlock.wait_events(1, "decision.refused")
    assert ignored["reason"] == "not-approved"
    own = eve("recordings", "approve", *session, *files, "--for", "eve@pay.example", "--reason", "mine")
    assert (own.code, "none of the roles" in own.err) == (2, True)
    given = ana("recordings", "approve", *session, *files, "--for", "eve@pay.example", "--reason", "agreed")
    assert given.code == 0, given.err
    (word,) = panlock.wait_events(1, "recording.approved")
    told = eve(*asked)
    assert told.code == 0, told.err
    assert len(told.out.splitlines()) == 6
    (event,) = panlock.wait_events(1, "recording.read")
    assert event["approval"] == {"approved": [word["id"]]}
