"""One record's way through a real worker on a real broker."""

import json
from pathlib import Path

from deploy.dev.cluster import DevCluster
from tests.audit_keys import POLICY as AUDIT
from tests.audit_keys import STRANGER, key_file
from tests.audited import check_signed_chain
from tests.deployment import Deployment, until

POLICY = """
version: 1
lanes: 2
principals:
  checkout: {spiffe: spiffe://pay.example/checkout}
flows:
  payments:
    producers: [checkout]
    consumers: [ledger]
    partitions: 2
    fields:
      - {path: $.card.number, class: pan, strategy: token}
"""


def test_a_record_comes_out_masked_and_audited(cluster: DevCluster, tmp_path: Path) -> None:
    with Deployment(cluster, tmp_path, POLICY) as panlock:
        worker = panlock.worker().wait_ready(2)
        panlock.produce("quarantine.payments.checkout", [(1, b"k", b'{"card":{"number":"4111111111111111"}}')])
        event = panlock.wait_events(1, "record.released")[0]
        (record,) = until("the clean record", lambda: panlock.read("clean.payments", "ledger"))
        assert record.partition == 1 and b"tok_k1_" in record.value and b"4111" not in record.value
        assert dict(record.headers)["panlock-record-id"].decode() == event["resource"]["record"]
        assert event["masking"] == [
            {"by": "field", "class": "pan", "key": "k1", "path": "$.card.number", "strategy": "token"}
        ]
        assert worker.stop() == 0
        assert [json.loads(each.value)["type"] for each in panlock.read("panlock.audit")].count("lane.closed") == 2


def test_what_a_worker_commits_it_signs_and_a_worker_without_a_known_key_does_not_start(
    cluster: DevCluster, tmp_path: Path
) -> None:
    with Deployment(cluster, tmp_path, POLICY + AUDIT) as panlock:
        worker = panlock.worker().wait_ready(2)
        panlock.produce("quarantine.payments.checkout", [(n % 2, b"k", b"{}") for n in range(20)])
        panlock.wait_events(20, "record.released")
        assert worker.stop() == 0
        assert check_signed_chain(panlock) >= 4  # each lane's opening and goodbye are transactions of their own
        stranger = panlock.worker("w2", audit_key=str(key_file(tmp_path, "w2", STRANGER)))
        assert stranger.process.wait(30) == 2
        assert "which the policy's `audit` does not name" in stranger.tail()
