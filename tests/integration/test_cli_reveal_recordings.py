"""Recordings that reveal, through a worker and `panlock recordings`: read under two roles, and gone once shredded."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.dev.cluster import DevCluster
from tests.audited import check_chain, released, wait_fates
from tests.deployment import Deployment, until
from tests.integration.cli_runner import Cli
from tests.integration.engine_policy import ANA, CHECKOUT, CLEAN, EVE, POLICY, lane, open_lanes

SECRET = "correct horse battery"
RECORDING = "    schema: closed\n    recording: {mode: reveal, reason: chargebacks}\n"
REVEALING = POLICY.replace("    partitions: 2\n", "    partitions: 2\n" + RECORDING)
REVEALING = REVEALING.replace("strategy: token}\n", "strategy: token}\n      - {path: $.cvv, class: sad}\n")
REVEALING = REVEALING.replace("certificate: eve, roles: [approvers]", "certificate: eve, roles: [replayers, revealers]")
REVEALING = REVEALING.replace(
    "certificate: ana, roles: [approvers]", "certificate: ana, roles: [approvers, shredders, replayers]"
)
CARD = "4111 1111 1111 1111"
VALUE = json.dumps({"number": CARD, "cvv": "737"}).encode()
RECORDINGS = "panlock.recordings.payments"


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, REVEALING) as deployment:
        yield deployment


def person(panlock: Deployment, name: str, key: object, keks: Path) -> Cli:
    pem = panlock.directory / f"{name}.decisions.pem"
    pem.write_bytes(key.as_pem(private=True, password=SECRET))  # type: ignore[attr-defined]
    config = {"person": {"key": str(pem)}, "recording_keys": {"directory": str(keks)}}
    return Cli(panlock.cluster, panlock.directory, name, config, {"PANLOCK_PASSPHRASE": SECRET})


def test_a_card_number_is_read_under_two_roles_until_its_key_is_destroyed(panlock: Deployment, tmp_path: Path) -> None:
    keks = tmp_path / "keks"
    panlock.worker(recording_keys={"directory": str(keks)}).wait_ready(2)
    panlock.produce(CHECKOUT, [(0, b"k", VALUE)])
    wait_fates(panlock, released(CHECKOUT, 0, [0]))
    (kept,), (clean,) = panlock.read(RECORDINGS), panlock.read(CLEAN)
    assert b"enc_r" in (kept.value or b"") and b"tok_k1_" in (clean.value or b"")
    assert CARD not in repr(kept) and list(json.loads(kept.value or b"")) == ["number"]

    files = ("--policy", str(panlock.policy_file), "--development", "--reason", "chargeback 1177")
    asked = ("recordings", "replay", "--flow", "payments", "--principal", "checkout", *files, "--reveal")
    eve, ana = person(panlock, "eve", EVE.key, keks), person(panlock, "ana", ANA.key, keks)
    refused = ana(*asked, "--json")
    assert (refused.code, refused.out, "has not the role revealers" in refused.err) == (2, "", True)
    topic = eve(*asked, "--topic", "somewhere")
    assert (topic.code, "a topic gets masked records alone" in topic.err) == (2, True)
    shown = eve(*asked, "--json")
    assert shown.code == 0, shown.err
    assert json.loads(json.loads(shown.out.splitlines()[0])["value"]) == {"number": CARD}
    (event,) = panlock.wait_events(1, "recording.read")
    assert event["recording"]["mode"] == "reveal"

    month = datetime.now(UTC).strftime("%Y-%m")
    gone = ana("recordings", "shred", "--flow", "payments", "--month", month, *files, "--json")
    assert gone.code == 0, gone.err
    assert gone.json["kek"] == f"panlock-recordings-payments-{month}"
    before, after = panlock.wait_events(2, "recording.shredded")
    assert "recording" not in before and "unlinked" in after["recording"]["answer"]
    again = eve(*asked, "--json")
    assert again.code == 0 and "does not open" in again.err
    assert CARD not in again.out and "enc_r" in again.out
    assert CARD not in panlock.workers[0].log.read_text()
    check_chain(panlock)


def test_a_lane_without_its_key_service_says_so_and_enforces_nothing(panlock: Deployment, tmp_path: Path) -> None:
    keks = tmp_path / "keks"
    keks.write_text("no directory")
    worker = panlock.worker(recording_keys={"directory": str(keks)})
    until("both lanes", lambda: open_lanes(worker) == [0, 1])
    panlock.produce(CHECKOUT, [(0, b"k", VALUE)])
    until("a closed lane", lambda: "keks" in str(lane(worker, 0).get("why")))
    assert open_lanes(worker) == [1] and panlock.read(CLEAN) == []
    keks.unlink()
    wait_fates(panlock, released(CHECKOUT, 0, [0]))
    check_chain(panlock)
