"""The commands with a real worker between them: written, held, decided by people, released, told, verified."""

import json
from pathlib import Path

from deploy.dev.cluster import DevCluster
from tests.deployment import Deployment, until
from tests.integration.cli_runner import Cli
from tests.vectors.decision.people import ANA, BEN, HERE

POLICY = (HERE / "policy.yaml").read_text() + "lanes: 2\n"
SECRET = "correct horse battery"
REFUNDS = ("--flow", "payments", "--principal", "refunds")
LINES = [
    b'{"type":"refund","amount":7000,"note":"card 4111 1111 1111 1111"}',
    b'{"type":"refund","amount":8000}',
    b'{"type":"refund","amount":1}',
    b"nonsense",
]


def test_a_refund_waits_for_two_people_and_another_is_denied(cluster: DevCluster, tmp_path: Path) -> None:
    def cli(name: str, key: object = None) -> Cli:
        if key is None:
            return Cli(cluster, tmp_path, name, {}, {})
        (tmp_path / f"{name}.pem").write_bytes(key.as_pem(private=True, password=SECRET))
        return Cli(cluster, tmp_path, name, {"person": {"key": f"{name}.pem"}}, {"PANLOCK_PASSPHRASE": SECRET})

    refunds, ana, ben = cli("refunds"), cli("ana", ANA), cli("ben", BEN)
    with Deployment(cluster, tmp_path, POLICY) as panlock:
        worker = panlock.worker().wait_ready(2)
        assert refunds("produce", *REFUNDS, stdin=b"\n".join(LINES)).code == 0
        panlock.wait_events(2, "record.held")
        held = {
            json.loads(ana("pending", "show", each["record"]).out.partition("value, masked:")[2])["amount"]: each[
                "record"
            ]
            for each in ana("pending", "list", "--json").json
        }
        assert set(held) == {7000, 8000}

        first = ana("approve", held[7000], "--reason", "checked", "--wait", "30", "--json").json
        assert [each["state"] for each in first] == ["counted"]
        again = ana("approve", held[7000], "--reason", "once more", "--policy", str(panlock.policy_file))
        assert (again.code, "has voted already" in again.err) == (2, True)
        second = ben("approve", held[7000], "--reason", "seen", "--wait", "30")
        assert "released: with you, enough people have approved it" in second.err
        assert "denied" in ben("deny", held[8000], "--reason", "not ours", "--wait", "30").err
        assert "nothing is pending" in ana("pending", "list").err

        clean = until("two clean records", lambda: found if len(found := panlock.read("clean.payments")) == 2 else None)
        values = {json.loads(record.value)["amount"]: record for record in clean}
        assert set(values) == {7000, 1}
        assert b"4111 1111" not in values[7000].value
        assert "panlock-produced-at" in dict(values[7000].headers)

        told = [json.loads(line) for line in refunds("rejections", "--principal", "refunds", "--json").out.splitlines()]
        assert sorted(each["reason"] for each in told) == ["denied", "malformed-json"]
        assert worker.stop() == 0
        report = cli("panlock-auditor")("audit", "verify", "--json", "--policy", str(panlock.policy_file))
        assert (report.code, report.json["ok"]) == (0, True), report.out
        people = [event["actor"]["person"] for event in panlock.events("decision.accepted")]
        assert sorted(people) == ["ana@pay.example", "ben@pay.example", "ben@pay.example"]
