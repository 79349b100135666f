"""The CLI's configuration: found, read, and refused in words."""

from pathlib import Path

import pytest

from cli.config import ConfigError, Settings, load_config, passphrase
from pipeline.approval.keys import SigningKeyError
from tests.vectors.decision.people import ANA

KAFKA = "kafka: {bootstrap: '127.0.0.1:9093', ca: ca.pem, certificate: sub/ana.pem, key: /abs/ana.key}\n"


def written(directory: Path, text: str) -> Path:
    file = directory / "panlock.yaml"
    file.write_text(text)
    return file


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    settings = load_config(written(tmp_path, KAFKA + "person: {key: d.pem}\nstore: var/w1\n"))
    assert settings.kafka.ca == tmp_path / "ca.pem"
    assert settings.kafka.certificate == tmp_path / "sub/ana.pem"
    assert settings.kafka.key == Path("/abs/ana.key")
    assert settings.person.key == tmp_path / "d.pem"


def test_without_a_name_it_is_the_one_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, KAFKA)
    monkeypatch.chdir(tmp_path)
    assert load_config(None).kafka.bootstrap == "127.0.0.1:9093"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file"),
        ("[]", "the file"),
        ("kafka: {", "not YAML"),
        ("\x00", "not YAML"),
        ("kafka: {bootstrap: x}", "kafka.ca"),
        (KAFKA.replace("}", ", color: red}"), "kafka.color"),
        (KAFKA + "person: {}", "person.key"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        load_config(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        load_config(tmp_path / "nowhere.yaml")
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(tmp_path)


def settings(directory: Path) -> Settings:
    (directory / "ana.pem").write_bytes(ANA.as_pem(private=True, password="secret words"))
    return load_config(written(directory, KAFKA + "person: {key: ana.pem}"))


def test_a_persons_key_opens_with_the_passphrase_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PANLOCK_PASSPHRASE", "secret words")
    assert settings(tmp_path).registered_key().thumbprint() == ANA.thumbprint()
    monkeypatch.setenv("PANLOCK_PASSPHRASE", "other words")
    with pytest.raises(SigningKeyError, match="passphrase"):
        settings(tmp_path).registered_key()


def test_a_passphrase_file_goes_first_and_its_line_feed_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("of the file \r\n")
    monkeypatch.setenv("PANLOCK_PASSPHRASE", "other")
    monkeypatch.setenv("PANLOCK_PASSPHRASE_FILE", str(tmp_path / "secret"))
    assert passphrase("?") == b"of the file "


def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PANLOCK_PASSPHRASE", raising=False)
    monkeypatch.delenv("PANLOCK_PASSPHRASE_FILE", raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(ConfigError, match="PANLOCK_PASSPHRASE"):
        passphrase("?")


def test_who_has_no_key_is_told_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="panlock person key"):
        load_config(written(tmp_path, KAFKA)).registered_key()
