"""Break-glass by two people whose keys never leave their modules, on a real broker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.hardware import HardwareKey
from cli.session.settings import Person
from deploy.dev.cluster import DevCluster
from pipeline.approval.keys import public_jwk
from tests.approving import pending
from tests.deployment import Deployment, until
from tests.integration.cli_runner import Cli
from tests.integration.engine_policy import CHECKOUT, CLEAN
from tests.softhsm import LABEL, LIBRARY, PIN, generate, tokens, with_softhsm

pytestmark = with_softhsm
RECORD = f"{CHECKOUT}/0/0"
POLICY = """
version: 1
lanes: 1
principals:
  checkout: {spiffe: spiffe://pay.example/checkout}
people:
%s
break_glass: {roles: [duty], reviewers: [reviewers]}
flows:
  payments:
    producers: [checkout]
    partitions: 1
    hold:
      - {id: large, when: has(record.amount), reason: a test, approvers: [duty], expires: 1h}
"""
MODULES = {name: {"module": str(LIBRARY), "token": name, "label": LABEL} for name in ("dee", "eve", "flo")}


def entry(name: str, roles: str) -> str:
    key = public_jwk(HardwareKey(Person.model_validate(MODULES[name]), PIN.encode()).public)
    listed = ", ".join(f"{member}: {value}" for member, value in key.items())
    return f"  {name}@pay.example: {{certificate: {name}, roles: [{roles}], keys: [{{hardware: true, {listed}}}]}}"


@pytest.fixture
def people(tmp_path: Path) -> Iterator[str]:
    with tokens(tmp_path, *MODULES):
        generate("dee", "EC_EDWARDS", "1.3.101.112")
        generate("eve", "EC", "secp256r1")
        generate("flo", "EC", "secp256r1")
        yield "\n".join([entry("dee", "duty"), entry("eve", "duty"), entry("flo", "reviewers")])


def test_two_modules_break_the_glass_and_a_third_reviews(cluster: DevCluster, people: str, tmp_path: Path) -> None:
    with Deployment(cluster, tmp_path, POLICY % people) as panlock:
        panlock.worker().wait_ready(1)
        panlock.produce(CHECKOUT, [(0, b"k", b'{"amount":1}')])
        until("the record that is held", lambda: pending(panlock))
        dee, eve, flo = (
            Cli(cluster, tmp_path, name, {"person": module}, {"PANLOCK_PASSPHRASE": PIN})
            for name, module in MODULES.items()
        )
        assert dee("break-glass", "release", RECORD, "--reason", "issuer down", "--wait", "45").code == 0
        second = eve("break-glass", "release", RECORD, "--reason", "seen", "--wait", "45", "--json")
        assert second.json == {"record": RECORD, "state": "released"}
        assert [record.value for record in panlock.read(CLEAN)] == [b'{"amount":1}']
        reviewed = flo("break-glass", "review", RECORD, "--reason", "was right", "--wait", "45", "--json")
        assert reviewed.json["state"] == "reviewed"
