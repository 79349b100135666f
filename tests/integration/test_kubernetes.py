"""The Helm chart and Strimzi's resources, as real Helm renders them and against the schemas of what they are for.

Needs Go, and at the first run a network: without, all of it is skipped, and pytest's summary says so.
"""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.app import LEAVING
from agents.broker_audit.config import BrokerAuditConfig
from agents.config import load_worker_config
from agents.emitter import load_emitter_config
from agents.sealer.config import SealerConfig
from cli.app import Panlock
from cli.config import load_config
from cli.lazy import command
from deploy.kubernetes.schemas import NEWEST, OLDEST, closed, schemas
from deploy.kubernetes.tools import ToolMissingError, tool
from deploy.kubernetes.validate import EXAMPLES, POLICY, ChartError, chart, problems, strimzi
from pipeline.policy import load_policy

pytestmark = pytest.mark.timeout(1800)  # helm is built at the first run

SMALL, WHOLE = EXAMPLES / "small.yaml", EXAMPLES / "whole.yaml"
RULES = "groups: [{name: a, rules: [{alert: B, expr: 'up == 0', annotations: {summary: '{{ $labels.lane }}'}}]}]"


def quiet(text: str) -> None:
    """Building says that it builds: not in the tests."""


@pytest.fixture(scope="module", autouse=True)
def _tools() -> None:
    try:
        tool("helm", quiet)
        tool("kubeconform", quiet)
        schemas(quiet)
    except ToolMissingError as error:
        pytest.skip(f"MANIFESTS ARE NOT VALIDATED: {error}")


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(RULES)
    return path


@pytest.fixture(scope="module")
def whole(_tools: None, rules: Path) -> str:
    return chart(WHOLE, quiet, "--set-file", f"prometheusRules={rules}")


@pytest.fixture(scope="module")
def resources(whole: str) -> list[Any]:
    return [each for each in yaml.safe_load_all(whole) if each]


def of(resources: list[Any], kind: str) -> dict[str, Any]:
    return {each["metadata"]["name"]: each for each in resources if each["kind"] == kind}


def pods(resources: list[Any]) -> dict[str, Any]:
    kinds = ("StatefulSet", "Deployment", "Job")
    return {name: each["spec"]["template"] for kind in kinds for name, each in of(resources, kind).items()}


@pytest.mark.parametrize("kubernetes", [OLDEST, NEWEST])
def test_all_that_the_chart_can_render_is_what_its_schemas_say(whole: str, kubernetes: str) -> None:
    assert problems(whole, quiet, kubernetes) == []
    kinds = {each["kind"] for each in yaml.safe_load_all(whole) if each}
    assert kinds >= {"StatefulSet", "Deployment", "Job", "Certificate", "PodMonitor", "PrometheusRule", "NetworkPolicy"}


def test_the_least_is_what_its_schemas_say() -> None:
    assert problems(chart(SMALL, quiet), quiet) == []


def test_strimzis_resources_are_what_their_definitions_say() -> None:
    assert problems(strimzi(), quiet) == []


MUTATIONS = {
    "an unknown field of a pod": ("terminationGracePeriodSeconds: 30", "terminationGracePeriod: 30", "StatefulSet"),
    "a wrong type": ("maxUnavailable: 1", "maxUnavailable: [1]", "PodDisruptionBudget"),
    "an unknown field of a certificate": ("commonName:", "commonname:", "Certificate"),
    "a wrong type in a monitor": ("path: /metrics", "path: 5", "PodMonitor"),
    "a kind that nobody knows": ("kind: PrometheusRule", "kind: PrometheusRules", "PrometheusRules"),
}


@pytest.mark.parametrize(("before", "after", "kind"), MUTATIONS.values(), ids=MUTATIONS)
def test_a_mistake_in_a_template_is_found(whole: str, before: str, after: str, kind: str) -> None:
    one = next(each for each in whole.split("\n---\n") if before in each)
    found = problems(one.replace(before, after), quiet)
    assert found
    assert all(each.startswith(kind) for each in found)


STRIMZI = {
    "an operation that is none": ("- Read\n", "- READ\n"),
    "a pattern that is none": ("patternType: prefix", "patternType: prefixed"),
    "an unknown field": ("topicName:", "topic_name:"),
    "a wrong type": ("replicas: 3", "replicas: three"),
}


@pytest.mark.parametrize(("before", "after"), STRIMZI.values(), ids=STRIMZI)
def test_a_mistake_in_strimzis_resources_is_found(before: str, after: str) -> None:
    assert before in strimzi()
    assert problems(strimzi().replace(before, after), quiet)


def test_nothing_rendered_is_no_success() -> None:
    assert problems("", quiet) == ["there is no resource"]


def test_the_policy_arrives_as_it_is(resources: list[Any]) -> None:
    """To the byte: its hash is what people have approved."""
    text = of(resources, "ConfigMap")["panlock-policy"]["data"]["policy.yaml"]
    assert text.encode() == POLICY.read_bytes()


def test_each_process_takes_the_configuration_that_it_gets(resources: list[Any], tmp_path: Path) -> None:
    def file(component: str) -> Path:
        path = tmp_path / f"{component}.yaml"
        path.write_text(of(resources, "ConfigMap")[f"panlock-{component}"]["data"]["config.yaml"])
        return path

    worker = load_worker_config(file("worker"))
    assert (worker.token_key, sorted(worker.token_keys), sorted(worker.seal_keys)) == ("k2", ["k1", "k2"], ["s1"])
    assert worker.session_timeout == 20
    assert worker.key_services.aws is not None
    assert worker.recording_keys is not None
    assert load_emitter_config(file("sealer"), SealerConfig).timestamps is not None
    assert load_emitter_config(file("broker-audit"), BrokerAuditConfig).log_window == 30
    for component in ("exporter", "deploy"):
        assert load_config(file(component)).kafka.bootstrap == worker.kafka.bootstrap


def test_each_process_takes_the_arguments_that_it_gets(resources: list[Any]) -> None:
    for name, pod in pods(resources).items():
        words = pod["spec"]["containers"][0]["args"]
        member = Panlock.members[words[0]]
        found = command(getattr(import_module(member.module), member.attribute), words[0])
        at = 1
        while hasattr(found, "commands"):
            found, at = found.commands[words[at]], at + 1
        found.make_context(name, words[at:])


def test_certificates_are_for_whom_the_policy_knows(resources: list[Any]) -> None:
    roles = load_policy(POLICY).roles
    expected = {
        "worker": roles.workers[0],
        "sealer": roles.sealers[0],
        "broker-audit": roles.broker_auditors[0],
        "exporter": roles.auditors[0],
        "deploy": roles.deployers[0],
    }
    found = of(resources, "Certificate")
    assert found.keys() == {f"panlock-{component}" for component in expected}
    for component, name in expected.items():
        spec = found[f"panlock-{component}"]["spec"]
        assert (spec["commonName"], spec["uris"]) == (name, [f"spiffe://pay.example/{name}"])
        assert "subject" not in spec  # brokers see the whole subject: the CN alone
        volumes = pods(resources)[next(n for n in pods(resources) if n.startswith(f"panlock-{component}"))]["spec"]
        assert spec["secretName"] in [each.get("secret", {}).get("secretName") for each in volumes["volumes"]]


def test_every_pod_is_restricted(resources: list[Any]) -> None:
    """As Kubernetes' Pod Security Standard `restricted` has it, and with a read-only root file system."""
    assert len(pods(resources)) == 5
    for pod in pods(resources).values():
        whole = pod["spec"]["securityContext"]
        assert whole["runAsNonRoot"] is True
        assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["spec"]["automountServiceAccountToken"] is False  # AWS: nobody speaks to the API server
        for container in pod["spec"]["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}
            assert "memory" in container["resources"]["limits"]


def test_no_secret_is_in_what_is_rendered(whole: str, resources: list[Any]) -> None:
    assert not of(resources, "Secret")
    assert not re.search("PRIVATE KEY|ciphertext", whole)


def test_vaults_workers_have_a_service_account_token_and_nobody_else() -> None:
    found = pods(
        [
            each
            for each in yaml.safe_load_all(
                chart(SMALL, quiet, "--set", "exporter.enabled=true", "--set", "exporter.destination=/export/a")
            )
            if each
        ]
    )
    mounted = {name: pod["spec"]["automountServiceAccountToken"] for name, pod in found.items()}
    assert mounted == {"panlock-worker": True, "panlock-sealer": True, "panlock-exporter": False}


def test_a_worker_has_the_time_to_drain(resources: list[Any]) -> None:
    assert pods(resources)["panlock-worker"]["spec"]["terminationGracePeriodSeconds"] >= 2 * LEAVING


def test_another_policy_restarts_all_that_read_it(tmp_path: Path, resources: list[Any]) -> None:
    other = tmp_path / "policy.yaml"
    other.write_text(POLICY.read_text() + "# changed\n")
    changed = pods([each for each in yaml.safe_load_all(chart(WHOLE, quiet, "--set-file", f"policy={other}")) if each])
    before = pods(resources)
    for name in ("panlock-worker", "panlock-sealer", "panlock-exporter", "panlock-broker-audit"):
        assert changed[name]["metadata"]["annotations"] != before[name]["metadata"]["annotations"]
    assert changed.keys() != before.keys()  # the Job is another one


def test_another_image_is_another_job_as_a_job_cannot_be_changed() -> None:
    tags = [chart(WHOLE, quiet, "--set", f"image.digest=,image.tag={tag}") for tag in ("v1", "v2")]
    jobs = [of([each for each in yaml.safe_load_all(text) if each], "Job") for text in tags]
    assert jobs[0].keys() != jobs[1].keys()


def test_each_service_account_has_its_own_role(resources: list[Any]) -> None:
    found = of(resources, "ServiceAccount")
    role = {
        name: each["metadata"].get("annotations", {}).get("eks.amazonaws.com/role-arn") for name, each in found.items()
    }
    assert role["panlock-worker"] != role["panlock-exporter"]
    assert role["panlock-deploy"] is None
    for name, pod in pods(resources).items():
        assert name.startswith(pod["spec"]["serviceAccountName"])


def test_networks_are_closed_but_for_what_is_named(resources: list[Any]) -> None:
    policies = of(resources, "NetworkPolicy").values()
    for pod in pods(resources).values():
        labels = pod["metadata"]["labels"]
        mine = [p for p in policies if p["spec"]["podSelector"]["matchLabels"].items() <= labels.items()]
        assert len(mine) == 1
        spec = mine[0]["spec"]
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        assert all(rule["to"] and rule["ports"] for rule in spec["egress"])  # without `to`: to everywhere
        assert all(rule["from"] and [p["port"] for p in rule["ports"]] == ["web"] for rule in spec["ingress"])
        reached = {(str(rule["to"]), port["port"]) for rule in spec["egress"] for port in rule["ports"]}
        issuers = ("[{'ipBlock': {'cidr': '10.30.0.7/32'}}]", 443)
        assert (issuers in reached) == (labels["app.kubernetes.io/component"] == "worker")


def test_who_is_not_named_is_not_reached() -> None:
    """An egress rule without `to` would reach everybody: there is none for a list that is empty."""
    found = of([each for each in yaml.safe_load_all(chart(SMALL, quiet)) if each], "NetworkPolicy").values()
    ports = [port["port"] for each in found for rule in each["spec"]["egress"] for port in rule["ports"]]
    assert {*ports} == {53, 9093, 8200}
    assert all(rule["to"] for each in found for rule in each["spec"]["egress"])
    assert all(each["spec"]["ingress"] == [] for each in found)


def test_prometheus_rules_arrive_as_they_are(resources: list[Any]) -> None:
    assert of(resources, "PrometheusRule")["panlock"]["spec"] == yaml.safe_load(RULES)


def test_the_audit_key_of_a_worker_is_its_own(resources: list[Any]) -> None:
    container = pods(resources)["panlock-worker"]["spec"]["containers"][0]
    mount = next(each for each in container["volumeMounts"] if each["name"] == "audit")
    assert mount["subPathExpr"] == "$(POD_NAME).json"
    assert "POD_NAME" in {each["name"] for each in container["env"]}


BAD = {
    "kafka.bootstrap=broker": "/kafka/bootstrap",
    "kafka.boostrap=broker:9093": "boostrap",
    "worker.replicas=0": "/worker/replicas",
    "worker.replicas=two": "/worker/replicas",
    "keys.token=k9": "k9 is not among keys.tokens",
    "keyServices.vault.address=http://vault:8200": "/keyServices/vault/address",
    "keyServices.vault.token=hvs": "token",
    "certificates.trustDomain=": "/certificates/trustDomain",
    "genesis=abc": "/genesis",
    "worker.config.store=elsewhere": "worker.config: store is the chart's own to set",
    "exporter.enabled=true": "/exporter/destination",
    "networkPolicy.brokers.port=99999": "/networkPolicy/brokers/port",
    "policy=": "/policy",
    "image.digest=sha256:1": "/image/digest",
}


@pytest.mark.parametrize(("value", "told"), BAD.items(), ids=BAD)
def test_a_value_that_is_none_is_refused_and_named(value: str, told: str) -> None:
    more = ("--set", value) if value != "policy=" else ("--set-file", "policy=/dev/null")
    with pytest.raises(ChartError) as raised:
        chart(SMALL, quiet, *more)
    assert told in str(raised.value)


def test_a_network_policy_without_brokers_is_refused() -> None:
    with pytest.raises(ChartError, match="/networkPolicy/brokers/to"):
        chart(SMALL, quiet, "--set-json", "networkPolicy.brokers.to=[]")


def test_a_definition_is_closed_but_where_it_is_open() -> None:
    inner = {"type": "object", "properties": {"a": {}}}
    opened = {**inner, "x-kubernetes-preserve-unknown-fields": True}
    found = closed(
        {"properties": {"one": inner, "more": opened, "map": {"additionalProperties": inner}}, "anyOf": [inner]}
    )
    assert found["additionalProperties"] is False
    assert found["properties"]["one"]["additionalProperties"] is False
    assert "additionalProperties" not in found["properties"]["more"]
    assert found["properties"]["map"]["additionalProperties"]["additionalProperties"] is False
    assert found["anyOf"] == [inner]
