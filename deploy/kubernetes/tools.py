"""helm, kubeconform and Go modules: built and fetched by the machine's own Go, once for each user."""

import json
import os
import subprocess
from pathlib import Path

from deploy.dev.cache import Say, cache_dir, locked
from pipeline.errors import PanlockError

TOOLS = {
    "helm": "helm.sh/helm/v3/cmd/helm@v3.22.0",
    "kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0",
}
BUILD_LIMIT = 900.0  # seconds; helm takes about 180 on a core that has nothing else to do


class ToolMissingError(PanlockError):
    """Go is not here, or what it should fetch cannot be had: nothing was validated."""


def tool(name: str, say: Say) -> Path:
    """Path of helm or kubeconform. Raises ToolMissingError."""
    module, _, version = TOOLS[name].rpartition("@")
    directory = cache_dir() / "go" / f"{name}-{version}"
    path = directory / name
    directory.mkdir(parents=True, exist_ok=True)
    with locked(directory / "lock", say):
        if not path.exists():
            say(f"building {name} {version}, once for this user")
            _go(["install", f"{module}@{version}"], {"GOBIN": str(directory)})
    return path


def module(path: str, version: str, sum_: str) -> Path:
    """Directory of a Go module of that version and go.sum hash. Raises ToolMissingError."""
    found = json.loads(_go(["mod", "download", "-json", f"{path}@{version}"], {}))
    if found.get("Sum") != sum_:
        raise ToolMissingError(f"{path}@{version} is not the module of hash {sum_}: do not use this network")
    return Path(found["Dir"])


def _go(words: list[str], more: dict[str, str]) -> str:
    one_core = {"GOFLAGS": "-mod=mod -p=1", "GOMAXPROCS": "1"}  # others wait for the other: tests, the first time
    environment = {**os.environ, **more, **one_core}
    try:
        done = subprocess.run(
            ["go", *words], capture_output=True, text=True, timeout=BUILD_LIMIT, env=environment, cwd=cache_dir()
        )
    except FileNotFoundError:
        raise ToolMissingError("there is no `go` on the PATH: install Go 1.26 or later") from None
    except subprocess.TimeoutExpired:
        raise ToolMissingError(f"`go {' '.join(words)}` took longer than {BUILD_LIMIT:.0f} s") from None
    if done.returncode != 0:
        raise ToolMissingError(f"`go {' '.join(words)}`: {done.stderr.strip()[-500:]}: check the network")
    return done.stdout
