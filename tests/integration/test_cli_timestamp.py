"""`panlock audit timestamp`: an export's manifest is stamped at once, without Kafka, by a real authority."""

from pathlib import Path

import pytest

from deploy.dev.tsa import dev_tsa
from pipeline.audit.manifest import Manifest
from pipeline.audit.note import sign
from pipeline.audit.timestamp import authorities_of, stamp_path, stamped_at
from tests.audit_keys import SEALER, STRANGER, jwk
from tests.integration.cli_runner import Ended, run

MANIFEST = Manifest("c", "2026-11-24T04:08:00.123Z", ())
POLICY = f"""
version: 1
principals: {{checkout: {{spiffe: spiffe://pay.example/checkout}}}}
flows: {{payments: {{producers: [checkout]}}}}
audit: {{sealer_keys: [{jwk(SEALER)}], timestamp_authorities: [tsa.pem]}}
"""


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Of which the manifest alone is there."""
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "manifest").write_text(sign(MANIFEST.text(), "panlock-sealer", SEALER.key))
    (tmp_path / "policy.yaml").write_text(POLICY)
    return tmp_path / "export"


def stamp(export: Path, url: str) -> Ended:
    policy = str(export.parent / "policy.yaml")
    return run("audit", "timestamp", str(export), "--url", url, "--policy", policy, "--json")


def test_a_manifest_is_stamped_once_and_the_stamp_is_kept(export: Path, tmp_path: Path) -> None:
    with dev_tsa(tmp_path / "tsa") as tsa:
        (tmp_path / "tsa.pem").write_bytes(tsa.certificate.read_bytes())
        ended = stamp(export, tsa.url)
        assert (ended.code, ended.json["manifest"]) == (0, MANIFEST.time), ended.err
        kept = (export / stamp_path(MANIFEST.time)).read_bytes()
    note = (export / f"manifests/{MANIFEST.time}").read_bytes()
    moment = stamped_at(note, kept, authorities_of([(tmp_path / "tsa.pem").read_bytes()]))
    assert ended.json["stamped"] == moment.isoformat()
    assert stamp(export, tsa.url).json == ended.json  # the authority is gone: what is there is not asked for again
    (export / stamp_path(MANIFEST.time)).write_bytes(kept[:-9] + bytes(9))
    wrong = stamp(export, tsa.url)
    assert (wrong.code, "not a time stamp of this manifest" in wrong.err) == (2, True)


def test_an_authority_that_does_not_answer_or_does_not_count_stamps_nothing(export: Path, tmp_path: Path) -> None:
    with dev_tsa(tmp_path / "tsa") as tsa, dev_tsa(tmp_path / "other") as other:
        (tmp_path / "tsa.pem").write_bytes(tsa.certificate.read_bytes())
        refused = stamp(export, other.url)
        assert (refused.code, "by an authority that counts" in refused.err) == (2, True)
        (export / "manifest").write_text(sign(MANIFEST.text(), "panlock-sealer", STRANGER.key))
        assert "signed by none of the keys" in stamp(export, tsa.url).err
        (export / "manifest").write_text(sign(MANIFEST.text(), "panlock-sealer", SEALER.key))
    gone = stamp(export, tsa.url)
    assert (gone.code, tsa.url in gone.err) == (3, True)
    assert not (export / "timestamps").exists()
