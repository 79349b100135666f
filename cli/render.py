"""`panlock deploy render`: what the policy asks of a cluster, as files for what manages that cluster."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.output import say, write
from deploy.desired import desired
from deploy.strimzi import Manifests, as_yaml, is_resource_name, manifests
from pipeline.errors import PanlockError
from pipeline.policy import load_policy
from pipeline.policy.models import Policy


class Target(StrEnum):
    """Strimzi's KafkaTopic and KafkaUser."""

    STRIMZI = "strimzi"


class NotWrittenError(PanlockError):
    """The directory cannot be written to."""


def render(
    policy: Annotated[Path, typer.Option("--policy", help="The policy.")],
    target: Annotated[Target, typer.Option("--target", help="For what.")],
    cluster: Annotated[str, typer.Option("--cluster", help="Name of the Kafka resource.")],
    brokers: Annotated[int, typer.Option("--brokers", min=1, help="How many brokers it has.")] = 3,
    out: Annotated[Path | None, typer.Option("--out", help="A directory for topics.yaml and users.yaml.")] = None,
) -> None:
    """Write the policy's topics and ACLs for what manages them: what `deploy plan` would show on an empty cluster.

    Asks no cluster. The same policy gives the same files, to the byte.
    """
    if not is_resource_name(cluster):
        raise typer.BadParameter(f"{cluster} is no name of a Kubernetes resource: lower case, digits, - and .")
    loaded = load_policy(policy)
    made = manifests(desired(loaded, brokers), cluster)
    notes = _notes(loaded, made, cluster, brokers)
    if out is None:
        write(as_yaml((*made.topics, *made.users), notes).encode())
    else:
        _write(out, {"topics.yaml": as_yaml(made.topics, notes), "users.yaml": as_yaml(made.users, notes)})
        say(f"{len(made.topics)} topics and {len(made.users)} users in {out}")
    if made.left_out:
        say(f"no KafkaUser, and so no ACL, for {', '.join(made.left_out)}: see docs/kubernetes.md")


def _notes(policy: Policy, made: Manifests, cluster: str, brokers: int) -> list[str]:
    """What whoever applies the files must know, and cannot see in them."""
    left = [f"Not here, as no KafkaUser can have the name: {name}. It gets no ACL." for name in made.left_out]
    return [
        f"By `panlock deploy render --target strimzi` for the Kafka resource {cluster} of {brokers} brokers.",
        f"Policy {policy.hash}. Do not edit: change the policy.",
        "Deleting a KafkaTopic deletes the topic with all that is in it; a shorter retention takes effect at once.",
        "The User Operator removes every other ACL, also a DENY that `panlock deny --principal` has added.",
        *left,
    ]


def _write(out: Path, files: dict[str, str]) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (out / name).write_text(text)
    except OSError as error:
        raise NotWrittenError(f"{error.filename}: {error.strerror}: name a directory with --out") from error
