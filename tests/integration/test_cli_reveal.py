"""`panlock reveal` on a real broker, with a worker: what is shown has been told, and the lane's chain says so."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.dev.cluster import DevCluster
from tests.audited import check_chain, released, wait_fates
from tests.deployment import Deployment
from tests.integration.cli_runner import Cli
from tests.integration.engine_policy import ANA, CHECKOUT, CLEAN, OPS, POLICY

SECRET = "correct horse battery"
ENCRYPTING = POLICY.replace("strategy: token", "strategy: encrypt").replace("[operators]", "[operators, revealers]")


@pytest.fixture
def panlock(cluster: DevCluster, tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(cluster, tmp_path, ENCRYPTING) as deployment:
        yield deployment


def person(panlock: Deployment, name: str, key: object) -> Cli:
    pem = panlock.directory / f"{name}.decisions.pem"
    pem.write_bytes(key.as_pem(private=True, password=SECRET))  # type: ignore[attr-defined]
    config = {"person": {"key": str(pem)}, "token_keys": {"k1": str(panlock.token_key)}}
    return Cli(panlock.cluster, panlock.directory, name, config, {"PANLOCK_PASSPHRASE": SECRET})


def test_a_person_with_the_role_reads_a_value_and_the_audit_says_so(panlock: Deployment) -> None:
    panlock.worker().wait_ready(2)
    panlock.produce(CHECKOUT, [(0, b"k", b'{"number":"4111 1111 1111 1111"}')])
    wait_fates(panlock, released(CHECKOUT, 0, [0]))
    (record,) = panlock.read(CLEAN)
    value = json.loads(record.value)["number"]
    assert value.startswith("enc_k1_")
    arguments = ("reveal", value, "--policy", str(panlock.policy_file), "--flow", "payments")
    arguments += ("--development", "--reason", "chargeback 1177")

    refused = person(panlock, "ana", ANA.key)(*arguments)
    assert (refused.code, refused.out) == (2, "")
    assert "role revealers" in refused.err

    shown = person(panlock, "opal", OPS.key)(*arguments)
    assert (shown.code, shown.out) == (0, "4111 1111 1111 1111\n"), shown.err
    (event,) = panlock.wait_events(1, "value.revealed")
    assert (event["actor"], event["reason"]) == ({"person": "opal@pay.example"}, "chargeback 1177")
    assert (event["resource"]["flow"], event["resource"]["class"]) == ("payments", "pan")
    check_chain(panlock)
