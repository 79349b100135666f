"""A person's key: made once, encrypted, readable by its owner alone."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.approval.keys import SigningKeyError, private_key, public_jwk, registered_key
from pipeline.policy.jwk import check_public_jwk

SECRET = "a sentence of words"


def panlock(*arguments: str, passphrase: str = SECRET) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "cli", "person", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={"PANLOCK_PASSPHRASE": passphrase}, check=False)


def test_the_key_is_encrypted_its_owners_alone_and_its_public_part_printed(tmp_path: Path) -> None:
    file = tmp_path / "ana.pem"
    ended = panlock("key", "--out", str(file))
    assert ended.returncode == 0, ended.stderr
    jwk = json.loads(ended.stdout)
    check_public_jwk(jwk)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert public_jwk(private_key(file.read_bytes(), SECRET.encode())) == jwk
    with pytest.raises(SigningKeyError):
        private_key(file.read_bytes(), None)
    shown = json.loads(panlock("show", str(file), "--json").stdout)
    assert shown == {"key": str(file), "kid": registered_key(jwk).thumbprint(), "jwk": jwk}


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "ana.pem"
    file.write_text("mine")
    ended = panlock("key", "--out", str(file))
    assert ended.returncode == 2
    assert "is there already" in ended.stderr
    assert file.read_text() == "mine"


def test_a_short_passphrase_is_refused(tmp_path: Path) -> None:
    ended = panlock("key", "--out", str(tmp_path / "ana.pem"), passphrase="secret")
    assert ended.returncode == 2
    assert not (tmp_path / "ana.pem").exists()


def test_a_wrong_passphrase_is_told_in_words(tmp_path: Path) -> None:
    file = tmp_path / "ana.pem"
    panlock("key", "--out", str(file))
    ended = panlock("show", str(file), passphrase="another sentence")
    assert ended.returncode == 2
    assert "passphrase" in ended.stderr
    assert ended.stdout == ""
