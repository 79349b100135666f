"""A sealer's configuration: what may be left out, and where others answer."""

from pathlib import Path

import pytest

from agents.config import WorkerConfigError
from agents.emitter import load_emitter_config
from agents.sealer.config import SealerConfig

PLAIN = """\
kafka: {bootstrap: "127.0.0.1:9093", ca: ca.pem, certificate: s.pem, key: s.key}
store: sealer
audit_key: s.audit.pem
"""


def test_nobody_outside_need_be_named(tmp_path: Path) -> None:
    file = tmp_path / "sealer.yaml"
    file.write_text(PLAIN)
    config = load_emitter_config(file, SealerConfig)
    assert (config.timestamps, config.witnesses) == (None, {})


@pytest.mark.parametrize("url", ["tsa.example", "ftp://tsa.example", "http://", "http://me:secret@tsa.example"])
def test_what_is_no_url_is_refused_and_not_shown(tmp_path: Path, url: str) -> None:
    file = tmp_path / "sealer.yaml"
    file.write_text(f"{PLAIN}timestamps: {{url: '{url}'}}\nwitnesses: {{w1: '{url}'}}\n")
    with pytest.raises(WorkerConfigError, match="is no URL") as refused:
        load_emitter_config(file, SealerConfig)
    assert "secret" not in str(refused.value)
