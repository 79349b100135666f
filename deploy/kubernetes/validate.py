"""What the chart renders, and what `panlock deploy render` writes, against the schemas of all that is in it.

`python -m deploy.kubernetes.validate` renders the examples beside this file and says what is wrong; exit 1 if anything.
There is no API server here: docs/kubernetes.md says what that leaves out.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from deploy.desired import desired
from deploy.dev.cache import Say
from deploy.kubernetes.schemas import NEWEST, OLDEST, schemas
from deploy.kubernetes.tools import ToolMissingError, tool
from deploy.strimzi import as_yaml, manifests
from pipeline.errors import PanlockError
from pipeline.policy import load_policy

HERE = Path(__file__).parent
CHART, EXAMPLES = HERE / "panlock", HERE / "examples"
POLICY = EXAMPLES / "policy.yaml"


class ChartError(PanlockError):
    """Helm refuses the values; the message is its own."""


def chart(values: Path, say: Say, *more: str, kubernetes: str = OLDEST) -> str:
    """What the chart renders of a file of values and EXAMPLES' policy. Raises ChartError, ToolMissingError."""
    words = ["template", "panlock", str(CHART), "--namespace", "payments", "--kube-version", kubernetes]
    given = ["--values", str(values), "--set-file", f"policy={POLICY}", *more]
    done = subprocess.run([tool("helm", say), *words, *given], capture_output=True, text=True)
    if done.returncode != 0:
        raise ChartError(done.stderr.strip())
    return done.stdout


def strimzi(policy: Path = POLICY) -> str:
    """What `panlock deploy render` writes for a Kafka resource `pay` of three brokers."""
    made = manifests(desired(load_policy(policy), 3), "pay")
    return as_yaml((*made.topics, *made.users), ())


def problems(text: str, say: Say, kubernetes: str = OLDEST) -> list[str]:
    """What is no resource of that Kubernetes: kind, name, and what its schema says. Raises ToolMissingError."""
    at = schemas(say) / kubernetes / "{{.ResourceKind}}{{.KindSuffix}}.json"
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        words: Sequence[str] = ["-strict", "-output", "json", "-verbose", "-schema-location", str(at), file.name]
        done = subprocess.run([tool("kubeconform", say), *words], capture_output=True, text=True)
    resources = [each for each in json.loads(done.stdout)["resources"] if each["kind"]]
    wrong = [f"{each['kind']} {each['name']}: {each['msg']}" for each in resources if each["status"] != "statusValid"]
    return wrong if resources else ["there is no resource"]


def _every(say: Say) -> Iterator[tuple[str, list[str]]]:
    for kubernetes in (OLDEST, NEWEST):
        for values in sorted(EXAMPLES.glob("*.yaml")):
            if values != POLICY:
                yield f"{values.name}, Kubernetes {kubernetes}", problems(chart(values, say), say, kubernetes)
    yield "panlock deploy render --target strimzi", problems(strimzi(), say)


def main() -> None:
    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    wrong = 0
    try:
        for what, found in _every(say):
            print(f"{what}: {'ok' if not found else ''}")
            print("".join(f"  {each}\n" for each in found), end="")
            wrong += len(found)
    except (ChartError, ToolMissingError) as error:
        sys.exit(f"error: {error}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
