"""Kafka's jars: pinned by SHA-256 in jars.lock, fetched once by jgo into the user's cache.

`python -m deploy.dev.jars` fetches them; `--relock` resolves jgo.toml anew and writes jars.lock.
"""

import argparse
import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from jgo.constants import MAVEN_CENTRAL_URL
from jgo.env import EnvironmentBuilder, EnvironmentSpec
from jgo.maven import MavenContext

from deploy.dev.cache import Say, cache_dir, locked
from pipeline.errors import PanlockError

SPEC = Path(__file__).with_name("jgo.toml")
LOCK = Path(__file__).with_name("jars.lock")


class JarError(PanlockError):
    """Kafka's jars could not be fetched, or are not the ones that jars.lock pins."""


@dataclass(frozen=True, slots=True)
class Jar:
    group: str
    name: str
    version: str
    sha256: str

    @classmethod
    def parse(cls, line: str) -> Self:
        """One line of jars.lock: `group:name:version sha256`."""
        coordinates, sha256 = line.split()
        group, name, version = coordinates.split(":")
        return cls(group, name, version, sha256)

    def __str__(self) -> str:
        return f"{self.group}:{self.name}:{self.version} {self.sha256}"


def pinned(lock: Path = LOCK) -> list[Jar]:
    return [Jar.parse(line) for line in lock.read_text().splitlines() if line and not line.startswith("#")]


def class_path(say: Say, lock: Path = LOCK, what: str = "Apache Kafka, about 40 MB") -> list[Path]:
    """Paths of all jars that `lock` pins; fetches what the cache lacks. Raises JarError."""
    jars, directory = pinned(lock), cache_dir() / "maven"
    complete = directory / f"{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}.complete"
    maven = MavenContext(repo_cache=directory, remote_repos={"central": MAVEN_CENTRAL_URL})
    paths = [_path(maven, jar) for jar in jars]
    if complete.exists() and all(path.exists() for path in paths):
        return paths
    directory.mkdir(exist_ok=True)
    with locked(cache_dir() / "maven.lock", say):
        missing = sum(not path.exists() for path in paths)
        if missing:
            say(f"fetching {what}: {missing} jars, once for this user")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda jar: _fetch(maven, jar, lock), jars))
        complete.touch()
    return paths


def _path(maven: MavenContext, jar: Jar) -> Path:
    path = maven.project(jar.group, jar.name).at_version(jar.version).artifact().cached_path
    assert path is not None  # noqa: S101 - the context has a cache
    return path


def _fetch(maven: MavenContext, jar: Jar, lock: Path) -> None:
    path = _path(maven, jar)
    if path.exists() and sha256_of(path) == jar.sha256:
        return
    path.unlink(missing_ok=True)  # of a fetch that was cut short
    try:
        maven.project(jar.group, jar.name).at_version(jar.version).artifact().resolve()
    except (RuntimeError, OSError) as error:
        path.unlink(missing_ok=True)
        raise JarError(
            f"could not fetch {jar.group}:{jar.name}:{jar.version} from Maven Central ({error}): "
            "check the network and try again"
        ) from error
    if sha256_of(path) != jar.sha256:
        path.unlink()
        raise JarError(
            f"{jar.group}:{jar.name}:{jar.version} is not the jar that {lock.name} pins: it was removed; "
            "do not use this network until you know why"
        )


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def relock() -> list[Jar]:
    """Resolve jgo.toml and write jars.lock. Trusts the network: read the difference before you commit it."""
    maven = MavenContext(repo_cache=cache_dir() / "maven", remote_repos={"central": MAVEN_CENTRAL_URL})
    named = EnvironmentBuilder(maven, cache_dir=cache_dir()).spec_to_dependencies(EnvironmentSpec.load(SPEC))
    inputs, transitive = maven.resolver.resolve(named)
    artifacts = [d.artifact for d in inputs] + [d.artifact for d in transitive if d.scope in ("compile", "runtime")]
    jars = [Jar(a.groupId, a.artifactId, a.version, sha256_of(a.resolve())) for a in artifacts]
    LOCK.write_text("# What jgo.toml resolves to: group:name:version sha256\n" + "".join(f"{jar}\n" for jar in jars))
    return jars


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--relock", action="store_true", help="resolve jgo.toml anew and write jars.lock")
    if options.parse_args().relock:
        print(f"{LOCK}: {len(relock())} jars")
        return
    try:
        class_path(lambda text: print(text, file=sys.stderr, flush=True))
    except JarError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
