"""Recordings on a real broker: in the lane's transaction, so each record once over crashes, and none of an abort."""

from pathlib import Path

import pytest

from deploy.dev.cluster import DevCluster
from pipeline.recording import read_recording
from tests.audited import check_chain, wait_fates
from tests.deployment import Deployment
from tests.integration.engine_policy import CHECKOUT, CLEAN, LONG, POLICY

RECORDED = POLICY.replace("    partitions: 2\n", "    partitions: 2\n    recording: masked\n")
RECORDINGS = "panlock.recordings.payments"
CARD = b'{"number":"4111111111111111"}'


@pytest.mark.parametrize("fault", ["before-commit=kill@3", "after-commit=kill@3"])
def test_each_record_is_kept_once_whatever_the_worker_dies_of(cluster: DevCluster, tmp_path: Path, fault: str) -> None:
    with Deployment(cluster, tmp_path, RECORDED) as panlock:
        worker = panlock.worker(faults=fault)
        written = [(n % 2, b"key-%d" % n, CARD) for n in range(40)] + [(0, b"held", LONG), (1, b"bad", b'{"number":')]
        panlock.produce(CHECKOUT, written)
        assert worker.process.wait(60) == -9
        panlock.worker().wait_ready(2)
        wanted = {f"{CHECKOUT}/{p}/{offset}": ["released"] for p in (0, 1) for offset in range(20)}
        wanted |= {f"{CHECKOUT}/0/20": ["held"], f"{CHECKOUT}/1/20": ["rejected malformed-json"]}
        wait_fates(panlock, wanted)

        kept = panlock.read(RECORDINGS)
        found = {
            (each.key or b"").decode(): (each, read_recording(each.key, each.value, each.headers, each.timestamp))
            for each in kept
        }
        assert len(kept) == len(found) and set(found) == set(wanted)
        clean = {dict(each.headers)["panlock-record-id"].decode(): each for each in panlock.read(CLEAN)}
        for record, (message, recording) in found.items():
            assert message.partition == recording.record.partition
            if record in clean:
                assert (recording.key, recording.value) == (clean[record].key, clean[record].value)
                assert recording.timestamp == clean[record].timestamp
        assert found[f"{CHECKOUT}/0/20"][1].value == LONG
        refused = found[f"{CHECKOUT}/1/20"][1].refused
        assert refused is not None
        assert (refused["reason"], refused["length"], len(refused["sha256"])) == ("malformed-json", 10, 64)
        assert b"4111111111111111" not in b"".join(each.value or b"" for each in kept)
        check_chain(panlock)
