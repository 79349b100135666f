"""KafkaTopic and KafkaUser from the policy: they ask for what `panlock deploy plan` asks of an empty cluster."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.desired import desired
from deploy.grants import Acl
from deploy.observed import Observed, ObservedTopic
from deploy.plan import Plan, plan
from deploy.strimzi import Manifests, manifests
from pipeline.policy import parse_policy
from tests.audit_keys import BROKERS, jwk
from tests.audit_keys import POLICY as AUDIT_KEYS
from tests.policy_text import POLICY

GOLDEN = Path(__file__).parents[1] / "vectors" / "strimzi.yaml"
DENIED = POLICY + "denied: {principals: [refunds]}\n"
AUDITED = POLICY + AUDIT_KEYS.replace("sealer_keys", f"broker_keys: [{jwk(BROKERS)}], sealer_keys")
RECORDED = POLICY.replace("recording: off", "recording: masked").replace(
    "[payments-approvers]\n    keys", "[payments-approvers, replayers]\n    keys", 1
)
POLICIES = {"of every part": POLICY, "with audit keys": AUDITED, "recorded": RECORDED, "with a denial": DENIED}


def made(text: str, brokers: int = 3) -> Manifests:
    return manifests(desired(parse_policy(text, "policy.yaml"), brokers), "pay")


def as_strimzi_applies(found: Manifests, brokers: int) -> Observed:
    """The cluster as Strimzi's operators leave it: its own reading of the files, written from its documentation."""
    topics, acls = {}, set()
    for each in found.topics:
        spec: Any = each["spec"]
        topics[spec["topicName"]] = ObservedTopic(spec["partitions"], spec["replicas"], True, spec["config"], set())
    for each in found.users:
        metadata: Any = each["metadata"]
        spec = each["spec"]
        assert spec["authentication"] == {"type": "tls-external"}
        for rule in spec["authorization"]["acls"]:
            resource = rule["resource"]
            kind = re.sub("(?<=[a-z])(?=[A-Z])", "-", resource["type"]).lower()
            name = "kafka-cluster" if kind == "cluster" else resource["name"]
            pattern = {"prefix": "PREFIXED", "literal": "LITERAL"}[resource.get("patternType", "literal")]
            for operation in rule["operations"]:
                words = re.sub("(?<=[a-z])(?=[A-Z])", "_", operation).upper()
                principal = f"User:{metadata['name']}"  # CN=… in Kafka
                acls.add(Acl(kind, name, pattern, principal, words, rule["type"].upper(), rule["host"]))
    return Observed(brokers, topics, frozenset(acls))


@pytest.mark.parametrize("brokers", [1, 3])
@pytest.mark.parametrize("text", POLICIES.values(), ids=POLICIES)
def test_a_cluster_that_has_followed_them_is_what_the_policy_says(text: str, brokers: int) -> None:
    found = made(text, brokers)
    assert found.left_out == ()
    wanted = desired(parse_policy(text, "policy.yaml"), brokers)
    assert plan(wanted, as_strimzi_applies(found, brokers)) == Plan((), (), (), (), (), (), ())


def test_what_they_are_does_not_change_by_itself() -> None:
    """`panlock deploy render` of tests/policy_text.py; write it anew when a topic or a right is meant to change."""
    assert list(yaml.safe_load_all(GOLDEN.read_text())) == [*made(POLICY).topics, *made(POLICY).users]


def test_a_denial_is_a_rule_of_the_user() -> None:
    user: Any = next(each for each in made(DENIED).users if each["metadata"] == metadata("refunds"))
    rules = [rule for rule in user["spec"]["authorization"]["acls"] if rule["type"] == "deny"]
    topic = {"type": "topic", "name": "quarantine.payments.refunds", "patternType": "literal"}
    assert rules == [{"type": "deny", "resource": topic, "operations": ["Write"], "host": "*"}]


def metadata(name: str) -> dict[str, object]:
    return {"name": name, "labels": {"strimzi.io/cluster": "pay"}}


def test_a_topic_whose_name_kubernetes_does_not_take_gets_one_of_its_own() -> None:
    names = ("Payments_EU", "payments_eu", "payments.eu")
    found = [made(POLICY.replace("topic: payments", f"topic: {name}")).topics for name in names]
    clean = [next(each for each in topics if each["spec"]["topicName"] in names) for topics in found]  # type: ignore[index]
    assert [each["spec"]["topicName"] for each in clean] == list(names)  # type: ignore[index]
    of_resources = [each["metadata"]["name"] for each in clean]  # type: ignore[index]
    assert len(set(of_resources)) == 3
    assert all(re.fullmatch("payments[.-]eu(-[0-9a-f]{10})?", name) for name in of_resources)


def test_who_cannot_be_a_user_is_named_and_gets_nothing() -> None:
    text = POLICY.replace("consumers: [ledger]", "consumers: [ledger, Ledger_EU]").replace(
        "certificate: cy", "certificate: cy@pay.example"
    )
    found = made(text)
    assert found.left_out == ("Ledger_EU", "cy@pay.example")
    assert not {"Ledger_EU", "cy@pay.example"} & {each["metadata"]["name"] for each in found.users}  # type: ignore[index]


def rendered(policy: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "cli", "deploy", "render", "--policy", str(policy), "--target", "strimzi"]
    return subprocess.run([*command, *options], capture_output=True, text=True, check=False)


def test_the_command_writes_one_stream_or_two_files(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY.replace("consumers: [ledger]", "consumers: [ledger, Ledger_EU]"))
    stream = rendered(policy, "--cluster", "pay")
    files = rendered(policy, "--cluster", "pay", "--out", f"{tmp_path}/out")
    assert (stream.returncode, files.returncode, files.stdout) == (0, 0, "")
    topics, users = ((tmp_path / "out" / f"{name}.yaml").read_text() for name in ("topics", "users"))
    assert [*yaml.safe_load_all(topics), *yaml.safe_load_all(users)] == list(yaml.safe_load_all(stream.stdout))
    assert {each["kind"] for each in yaml.safe_load_all(topics)} == {"KafkaTopic"}
    assert parse_policy(policy.read_text(), "policy.yaml").hash in topics
    for told in (topics, users, stream.stdout, stream.stderr):
        assert "Ledger_EU" in told
    assert rendered(policy, "--cluster", "pay").stdout == stream.stdout


@pytest.mark.parametrize(("options", "told"), [(("--cluster", "Pay"), "Pay"), ((), "--cluster")])
def test_a_name_that_is_none_is_a_mistake_of_usage(tmp_path: Path, options: tuple[str, ...], told: str) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    found = rendered(policy, *options)
    assert found.returncode == 2
    assert told in found.stderr
    assert "Traceback" not in found.stderr
