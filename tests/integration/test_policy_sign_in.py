"""People who hold nothing that lasts change a policy: real sign-ins, a real broker, workers of their own processes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.dev.ca import DevelopmentCA
from deploy.dev.cluster import DevCluster
from deploy.dev.issuer.process import DevIssuer, dev_issuer
from pipeline.approval.change import read_change
from pipeline.approval.issuer_keys import IssuerKeys
from pipeline.policy.topics import POLICY as POLICY_TOPIC
from tests.audit_keys import POLICY as AUDIT
from tests.deployment import Deployment
from tests.integration.cli_runner import Cli
from tests.integration.test_cli_login import Someone
from tests.integration.test_policy_change import refused

GROUPS = ["policy-approvers"]
ACCOUNTS = {name: {"email": f"{name}@pay.example", "groups": GROUPS} for name in ("ana", "ben", "cy", "dee")}
ACCOUNTS["dee"] = {"email": "dee@pay.example", "groups": ["readers"]}


def policy(issuer: DevIssuer, version: int, amount: str) -> str:
    people = "".join(f"  {name}@pay.example: {{certificate: {name}, roles: [policy-approvers]}}\n" for name in ACCOUNTS)
    return f"""
version: {version}
lanes: 2
principals:
  checkout: {{spiffe: spiffe://pay.example/checkout}}
people:
{people}
issuers:
  corporate: {{issuer: "{issuer.url}", client_id: panlock, device_client_id: panlock-device, acr: [mfa]}}
{AUDIT}
policy_approvers: {{roles: [policy-approvers], quorum: 2}}
flows:
  payments:
    producers: [checkout]
    partitions: 2
    hold:
      - id: large
        when: has(record.amount) && record.amount > {amount}
        reason: a test
        approvers: [policy-approvers]
        requester: none
        requester_reason: a test
"""


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevIssuer]:
    directory = tmp_path_factory.mktemp("issuer")
    with dev_issuer(directory, DevelopmentCA(directory / "ca"), ACCOUNTS) as running:
        yield running


@pytest.fixture
def people(issuer: DevIssuer, tmp_path: Path) -> Iterator[dict[str, Someone]]:
    found = {name: Someone(name, issuer, tmp_path) for name in ACCOUNTS}
    yield found
    for someone in found.values():
        someone.leave()


def test_people_change_a_policy_under_their_sign_ins_and_it_is_verified_without_the_issuer(
    cluster: DevCluster, issuer: DevIssuer, people: dict[str, Someone], tmp_path: Path
) -> None:
    first = policy(issuer, 1, "5.0")
    with Deployment(cluster, tmp_path, first) as panlock:
        genesis: dict[str, str] = {}

        def cli(name: str) -> Cli:
            someone = people[name]
            return Cli(cluster, tmp_path, name, {**someone.config, **genesis}, someone.environment)

        first_file = panlock.policy_file
        assert "panlock login" in cli("ana")("init", "--policy", str(first_file)).err
        assert all(cli(name)("login").code == 0 for name in ACCOUNTS)
        init = cli("ana")("init", "--policy", str(first_file))
        assert init.code == 0, init.err
        genesis["genesis"] = next(line.split()[-1] for line in init.err.splitlines() if line.startswith("genesis: "))
        settings = {"issuer_ca": str(issuer.ca), **genesis}
        panlock.worker("w1", **settings).wait_ready(2).stop()

        panlock.set_policy(policy(issuer, 2, "9.0"))
        proposed = cli("ben")("policy", "propose", str(panlock.policy_file), "--reason", "small amounts need nobody")
        assert proposed.code == 0, proposed.err
        assert "at the issuer" in cli("dee")("policy", "approve", "--reason", "fine").err
        assert "an author does not count" in cli("ben")("policy", "approve", "--reason", "mine").err
        assert cli("ana")("policy", "approve", "--reason", "fine").code == 0
        assert "too few" in cli("ana")("policy", "apply").err
        keyed = {"person": {"key": "unused.pem", "ca": str(issuer.ca)}, **genesis}  # somebody who does not sign in
        shown = Cli(cluster, tmp_path, "dee", keyed, {})("policy", "show", "--json").json
        assert [word["person"] for word in shown["words"]] == ["ben@pay.example", "ana@pay.example"]
        assert "1 of 2 people" in refused(panlock.worker("w2", **settings))
        assert cli("cy")("policy", "approve", "--reason", "fine, too").code == 0
        assert cli("cy")("policy", "apply", "--json").json["in_force"]

        panlock.worker("w2", **settings).wait_ready(2).stop()
        issuer.stop()  # and with it its keys
        panlock.worker("w3", **settings).wait_ready(2)
        witnesses = [each for each in panlock.read(POLICY_TOPIC) if each.value.startswith(b'{"v":1,"witness":')]
        assert len(witnesses) == 1, "one for each set of keys that no start had seen before"
        _audit_proves_it(panlock, first)
        issuer.start()


def _audit_proves_it(panlock: Deployment, first: str) -> None:
    """With nothing but the events, and the policy that was in force."""
    panlock.set_policy(first)
    events = panlock.events()
    keys = {event["resource"]["sha256"]: event["keys"] for event in events if event["type"] == "approver.keys-observed"}
    told = [event for event in events if event["type"] in ("policy.approved", "policy.applied")]
    assert {(event["type"], event["actor"]["person"], event["actor"]["acr"]) for event in told} == {
        ("policy.approved", "ana@pay.example", "mfa"), ("policy.approved", "cy@pay.example", "mfa"),
        ("policy.applied", "cy@pay.example", "mfa"),
    }  # fmt: skip
    for event in told:
        observed = {"corporate": IssuerKeys.of(keys[event["keys"]])}
        when = 1000 * int(event["actor"]["auth_time"])
        change = read_change(event["jws"].encode(), panlock.policy, observed, when)
        assert change.person == event["actor"]["person"] and change.bundle == event["resource"]["bundle"]
        assert "id_token" not in json.dumps({**event, "jws": ""})
