"""`panlock audit reconcile` on a real broker: what a worker released fits; what somebody else wrote does not."""

from pathlib import Path

from deploy.dev.cluster import DevCluster
from pipeline.policy.topics import AUDIT
from tests.deployment import Deployment, until
from tests.integration.cli_runner import Cli

POLICY = """
version: 1
lanes: 2
principals:
  checkout: {spiffe: spiffe://pay.example/checkout}
flows:
  payments: {producers: [checkout], consumers: [panlock-auditor], partitions: 2}
"""


def test_clean_records_are_those_that_were_released(cluster: DevCluster, tmp_path: Path) -> None:
    with Deployment(cluster, tmp_path, POLICY) as panlock:
        auditor = Cli(cluster, tmp_path, "panlock-auditor", {}, {})
        arguments = "audit", "reconcile", "--policy", str(panlock.policy_file), "--json"
        worker = panlock.worker().wait_ready(2)
        panlock.produce("quarantine.payments.checkout", [(n % 2, b"k", b'{"n":%d}' % n) for n in range(20)])
        until("the events", lambda: len(panlock.read(AUDIT)) >= 22)
        assert worker.stop() == 0
        ended = auditor(*arguments)
        assert (ended.code, ended.json["released"], ended.json["clean"]) == (0, 20, 20), ended.json
        copied = panlock.read("clean.payments")[0]
        panlock.produce("clean.payments", [(1, b"k", b"{}")], "admin")
        panlock.produce("clean.payments", [(1, copied.key, copied.value)], "admin", headers=copied.headers)
        ended = auditor(*arguments)
        assert (ended.code, ended.json["counts"]) == (1, {"stranger": 1, "repeated": 1})
        assert ended.json["stranger"][0]["record"].startswith("clean.payments/1/")
        panlock.recreate("clean.payments")
        ended = auditor(*arguments)
        assert (ended.code, ended.json["counts"]) == (1, {"missing": 20})
