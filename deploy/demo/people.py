"""Ana, Ben and Carla: each with a Kafka certificate, a configuration, and a signing key for changes of the policy."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import orjson
import yaml

from deploy.demo.commands import Answer, Commands, shown
from deploy.demo.told import expect
from deploy.dev.clients import Cluster

PEOPLE = ("ana", "ben", "carla")
TEMPLATE = Path(__file__).with_name("policy.yaml")


class Person(NamedTuple):
    """`configuration` is what PANLOCK_CONFIG names for them; `jwk` is their public key; `more`: environment."""

    name: str
    configuration: Path
    passphrase: Path
    jwk: dict[str, str]
    more: Mapping[str, str] = {}

    @property
    def environment(self) -> dict[str, str]:
        own = {"PANLOCK_CONFIG": str(self.configuration), "PANLOCK_PASSPHRASE_FILE": str(self.passphrase)}
        return {**own, **self.more}

    def run(self, commands: Commands, *words: str) -> Answer:
        return commands.run(*words, environment=self.environment)


def make_people(cluster: Cluster, directory: Path, commands: Commands) -> dict[str, Person]:
    """Each makes a key under a passphrase with `panlock person key`, all at the same time."""
    homes = {name: directory / name for name in PEOPLE}
    making = {}
    for name, home in homes.items():
        home.mkdir(parents=True)
        words = ("person", "key", "--out", str(home / "decisions.pem"), "--json")
        (home / "passphrase").write_text(f"a sentence that only {name} knows\n")
        (home / "passphrase").chmod(0o600)
        environment = {"PANLOCK_PASSPHRASE_FILE": str(home / "passphrase")}
        making[name] = words, commands.start(*words, environment=environment)
    people = {}
    for name, (words, process) in making.items():
        answer = commands.finish(process, *words)
        expect(answer.code == 0, f"`{shown(*words)}` of {name} failed: {answer.stderr.strip()}")
        people[name] = _person(cluster, homes[name], name, orjson.loads(answer.stdout)["jwk"])
    return people


def write_policy(keys: Mapping[str, dict[str, str]], issuer: str, witness: str, file: Path) -> None:
    """The demo's policy with everyone's public key, by name, the witness's, and the issuer's URL."""
    text = TEMPLATE.read_text().replace("ISSUER_OF_THE_DEMO", issuer).replace("WITNESS_OF_THE_DEMO", witness)
    for name, jwk in keys.items():
        text = text.replace(f"KEY_OF_{name.upper()}", orjson.dumps(jwk).decode())
    file.write_text(text)


def pin(people: dict[str, Person], genesis: str) -> None:
    """Put the first bundle's hash into everyone's configuration."""
    for person in people.values():
        person.configuration.write_text(person.configuration.read_text() + yaml.safe_dump({"genesis": genesis}))


def write_config(file: Path, **sections: object) -> Path:
    """A configuration file of the CLI or a worker."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(sections))
    return file


def _person(cluster: Cluster, home: Path, name: str, jwk: dict[str, str]) -> Person:
    file = write_config(home / "panlock.yaml", kafka=cluster.config(name), person={"key": "decisions.pem"})
    return Person(name, file, home / "passphrase", jwk)
