"""Panlock's authorizer for a development broker: compiled once by the machine's own JDK, against the broker's jars."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from deploy.dev.cache import Say, cache_dir, locked
from deploy.dev.jars import class_path
from pipeline.errors import PanlockError

SOURCES = Path(__file__).parents[1] / "kafka" / "authorizer" / "src" / "main" / "java"
RELEASE = "17"  # of Java: the oldest that Kafka's brokers run on


class PluginError(PanlockError):
    """The authorizer could not be compiled."""


def has_compiler() -> bool:
    """Whether there is a JDK; the runtime of the development brokers has no compiler."""
    return shutil.which("javac") is not None


def authorizer_jar(say: Say) -> Path:
    """Raises PluginError, JarError."""
    sources = sorted(SOURCES.rglob("*.java"))
    digest = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()
    made = cache_dir() / f"panlock-authorizer-{digest[:16]}.jar"
    jars = class_path(say)
    with locked(cache_dir() / "authorizer.lock", say):
        if not made.exists():
            _compile(sources, jars, made)
    return made


def _compile(sources: list[Path], jars: list[Path], made: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        words = ["javac", "--release", RELEASE, "-d", place, "-cp", os.pathsep.join(map(str, jars)), *map(str, sources)]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=False)
        except OSError as error:
            raise PluginError(f"there is no JDK ({error}): install one of {RELEASE} or later") from error
        if done.returncode != 0:
            raise PluginError(f"the authorizer does not compile (a JDK of {RELEASE} or later?): {done.stderr[-2000:]}")
        draft = made.with_suffix(".new")
        with zipfile.ZipFile(draft, "w") as jar:
            for file in sorted(Path(place).rglob("*.class")):
                jar.write(file, file.relative_to(place))
        draft.replace(made)
