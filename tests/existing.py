"""A cluster that somebody else runs, as a file names it: `PANLOCK_KAFKA=FILE`.

    bootstrap: kafka-1.pay.example:9093,kafka-2.pay.example:9093
    ca: ca.pem                                     # whom clients trust
    admin: {certificate: admin.pem, key: admin.key}
    issue: {ca: client-ca.pem, key: client-ca.key} # an authority whose clients the cluster takes
    # or: {command: [./issue.sh, "{name}", "{spiffe}", "{certificate}", "{key}"]}, which writes both files
    delete_all_topics: true                        # the tests do, again and again

Paths are relative to the file. Certificates carry CN=name, which must be the whole principal, and a SPIFFE URI.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from deploy.dev.ca import TRUST_DOMAIN, Credentials, DevelopmentCA
from deploy.dev.clients import Cluster
from deploy.dev.settings import SUPER_USER


class ExistingClusterError(Exception):
    """The file cannot be used; the message says why, and what to write."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Admin(_Strict):
    certificate: Path
    key: Path


class Authority(_Strict):
    """`key`: EC, without a passphrase."""

    ca: Path
    key: Path


class Command(_Strict):
    command: tuple[str, ...]


class Existing(_Strict):
    bootstrap: str
    ca: Path
    admin: Admin
    issue: Authority | Command
    delete_all_topics: Literal[True]


def existing_cluster(file: Path, directory: Path) -> Cluster:
    """The cluster that `file` names; certificates are made in `directory`. Raises ExistingClusterError."""
    try:
        told = Existing.model_validate(yaml.safe_load(file.read_text()))
    except (OSError, yaml.YAMLError) as error:
        raise ExistingClusterError(f"PANLOCK_KAFKA={file}: {error}: name embedded, docker or a YAML file") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise ExistingClusterError(f"{file}: {wrong}: see tests/existing.py") from error
    place = file.resolve().parent
    admin = Credentials(place / told.admin.certificate, place / told.admin.key)
    certificates = (
        _Authority(told.issue, place, directory)
        if isinstance(told.issue, Authority)
        else _Command(told.issue, place, directory)
    )

    def issue(name: str, spiffe: str | None, *, stem: str) -> Credentials:
        return admin if name == SUPER_USER else certificates.issue(name, spiffe, stem=stem)

    return Cluster(told.bootstrap, place / told.ca, issue)


class _Authority:
    def __init__(self, told: Authority, place: Path, directory: Path) -> None:
        for file, name in ((told.ca, "ca.pem"), (told.key, "ca.key")):
            shutil.copyfile(place / file, directory / name)
        given = (directory / "ca.pem").read_bytes()
        self._ca = DevelopmentCA(directory)
        if (directory / "ca.pem").read_bytes() != given:
            raise ExistingClusterError(f"{place / told.ca} ends within a day: make another")

    def issue(self, name: str, spiffe: str | None, *, stem: str) -> Credentials:
        return self._ca.issue(name, spiffe, stem=stem)


class _Command:
    def __init__(self, told: Command, place: Path, directory: Path) -> None:
        self._words, self._place, self._directory = told.command, place, directory

    def issue(self, name: str, spiffe: str | None, *, stem: str) -> Credentials:
        made = Credentials(self._directory / f"{stem}.pem", self._directory / f"{stem}.key")
        values = {
            "name": name,
            "spiffe": spiffe or TRUST_DOMAIN + name,
            "certificate": str(made.certificate),
            "key": str(made.key),
        }
        words = [word.format(**values) for word in self._words]
        done = subprocess.run(words, cwd=self._place, capture_output=True, text=True, check=False)
        if done.returncode or not (made.certificate.exists() and made.key.exists()):
            raise ExistingClusterError(f"`{' '.join(words)}` made no certificate: {done.stderr[-500:]}")
        return made
