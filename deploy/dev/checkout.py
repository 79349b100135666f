"""`make setup`: makes this checkout ready to run, and does only what changed since the last time.

On the standard library alone: it runs before anything is installed. A stamp in .venv names the content that each step
was done for; what takes minutes (Kafka's jars, the built kernel) lies in the user's cache, for all checkouts.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from deploy.dev.cache import cache_dir, locked

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STEPS = 5
HEARTBEAT = 15  # seconds of silence at most
LOG_TAIL = 25  # lines shown of a step that failed


class SetupError(Exception):
    """A step failed. Not a PanlockError: nothing of Panlock can be imported yet."""


def main() -> int:
    began = time.monotonic()
    local = ROOT / ".cache"
    local.mkdir(exist_ok=True)
    try:
        with locked(local / "setup.lock", say):
            environment()
            dependencies()
            kernel()
            panlock()
            kafka()
    except SetupError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("stopped; `make setup` goes on where it was")
        return 130
    say(f"setup: ready ({time.monotonic() - began:.0f} s)")
    return 0


def environment() -> None:
    """1. .venv, anew where the Python that made it is gone."""
    if not (PYTHON.exists() and subprocess.run([PYTHON, "-c", ""], capture_output=True).returncode == 0):
        shutil.rmtree(VENV, ignore_errors=True)
        run(
            1,
            f"a Python {sys.version_info[0]}.{sys.version_info[1]} environment in .venv",
            [sys.executable, "-m", "venv", str(VENV)],
        )


def dependencies() -> None:
    """2. Everything in requirements.lock, each file checked by its hash."""
    lock = ROOT / "requirements.lock"
    stamp = Stamp("requirements", [lock])
    if not stamp.current():
        run(2, "Python packages, pinned by hash", pip("install", "--no-deps", "--require-hashes", "-r", str(lock)))
        stamp.write()


def kernel() -> None:
    """3. The wheel of kernel/, built once for its content and this platform."""
    stamp = _kernel_stamp()
    if not stamp.current():
        run(3, "the kernel", pip("install", "--no-deps", "--no-index", "--force-reinstall", str(kernel_wheel())))
        stamp.write()


def kernel_wheel() -> Path:
    """Its file in the user's cache. Raises SetupError."""
    home = cache_dir() / "kernel" / _kernel_stamp().digest[:16]
    if not list(home.glob("*.whl")):
        with locked(cache_dir() / "kernel.lock", say):
            if not list(home.glob("*.whl")):
                _build_kernel(home)
    return next(home.glob("*.whl"))


def _kernel_stamp() -> "Stamp":
    sources = sorted(p for p in (ROOT / "kernel").rglob("*") if p.is_file() and "target" not in p.parts)
    return Stamp("kernel", sources, sysconfig.get_platform())


def _build_kernel(home: Path) -> None:
    what = "the kernel: building (Rust, about a minute)"
    if shutil.which("cargo") is None:
        what = "the kernel: building (fetches Rust first, as there is no cargo here)"
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as draft:
        run(3, what, pip("wheel", "--no-deps", "--no-build-isolation", "-w", draft, str(ROOT / "kernel")))
        home.mkdir(exist_ok=True)
        for wheel in Path(draft).glob("*.whl"):
            wheel.replace(home / wheel.name)


def panlock() -> None:
    """4. Panlock itself and its producer kit, from this checkout."""
    kit = ROOT / "clients" / "python"
    stamp = Stamp("panlock", [ROOT / "pyproject.toml", kit / "pyproject.toml"], str(ROOT))
    if not stamp.current():
        editable = ("-e", str(ROOT), "-e", str(kit))
        run(4, "panlock itself", pip("install", "--no-deps", "--no-build-isolation", "--no-index", *editable))
        stamp.write()


def kafka() -> None:
    """5. Kafka's jars."""
    lock = ROOT / "deploy" / "dev" / "jars.lock"
    stamp = Stamp("kafka", [lock], str(cache_dir()))
    if not stamp.current():
        run(5, "Apache Kafka's jars (about 40 MB)", [str(PYTHON), "-m", "deploy.dev.jars"])
        stamp.write()


class Stamp:
    """A file in .venv that names the content for which a step was done."""

    def __init__(self, step: str, files: Iterable[Path], more: str = "") -> None:
        self._file = VENV / f"{step}.stamp"
        digest = hashlib.sha256(more.encode())
        for file in files:
            digest.update(str(file.relative_to(ROOT)).encode() + b"\0" + file.read_bytes())
        self.digest = digest.hexdigest()

    def current(self) -> bool:
        return self._file.exists() and self._file.read_text() == self.digest

    def write(self) -> None:
        self._file.write_text(self.digest)


def pip(*words: str) -> list[str]:
    return [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", *words]


def run(step: int, what: str, command: list[str]) -> None:
    """Run it with a word now and then. Raises SetupError with the end of its output."""
    say(f"[{step}/{STEPS}] {what}")
    began = time.monotonic()
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"  # pip's build of the kernel calls maturin by name
    environment = {**os.environ, "PATH": path, "MATURIN_PEP517_ARGS": "--locked"}
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            while True:
                try:
                    process.wait(HEARTBEAT)
                    break
                except subprocess.TimeoutExpired:
                    say(f"      … still at it ({time.monotonic() - began:.0f} s)")
        except KeyboardInterrupt:  # the terminal told it too
            process.terminate()
            process.wait()
            raise
        if process.returncode:
            output.seek(0)
            tail = "\n".join(output.read().splitlines()[-LOG_TAIL:])
            raise SetupError(f"{what}: {command[0]} ended with code {process.returncode}; its last words:\n{tail}")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
