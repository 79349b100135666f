"""People sign in at the development issuer, each with a second factor and without a keyboard: a browser of one form."""

import shlex
import sys
import tempfile
from pathlib import Path

import orjson

from deploy.demo.people import Person, write_config
from deploy.demo.run import Run
from deploy.demo.told import expect
from deploy.dev.ca import DevelopmentCA
from deploy.dev.issuer.process import dev_issuer

GROUP = "payments-approvers"
ACCOUNTS = {name: {"email": f"{name}@pay.example", "groups": [GROUP]} for name in ("ana", "ben", "carla")}


def start_issuer(run: Run) -> None:
    ca = DevelopmentCA(run.kafka_directory / "ca")
    run.issuer = run.closing.enter_context(dev_issuer(run.directory / "issuer", ca, ACCOUNTS)).url
    run.note(f"an OpenID Connect issuer for development: {run.issuer}")


def sign_in(run: Run) -> dict[str, Person]:
    """Everyone, at the same time, each with a session; it ends with the demo."""
    words = ("login", "--json")
    people = {name: _with_issuer(run, known) for name, known in run.people.items()}
    started = {name: run.commands.start(*words, environment=each.environment) for name, each in people.items()}
    for name, process in started.items():
        answer = run.commands.finish(process, *words)
        expect(answer.code == 0, f"{name} could not sign in: {answer.stderr.strip()}")
        told = orjson.loads(answer.stdout)
        expect(told["person"] == f"{name}@pay.example" and told["groups"] == [GROUP], f"{name} signed in as {told}")
        run.note(f"{name}$ panlock login: {told['person']} ({GROUP}), acr {told['acr']}, for {told['seconds']} s")
    return people


def _with_issuer(run: Run, known: Person) -> Person:
    issuer = {"issuer": run.issuer, "client_id": "panlock", "acr": ["mfa"]}
    person = {"issuer": issuer, "ca": str(run.cluster.ca), "session": "agent"}
    file = known.configuration.with_name("session.yaml")
    write_config(file, kafka=run.cluster.config(known.name), person=person)
    # a socket's path has at most 108 bytes, and nobody knows how deep this checkout lies
    runtime = run.closing.enter_context(tempfile.TemporaryDirectory(prefix="panlock-"))
    browser = [sys.executable, "-m", "deploy.dev.issuer.browser", "--ca", str(run.cluster.ca), "--account", known.name]
    more = {"XDG_RUNTIME_DIR": runtime, "BROWSER": f"{shlex.join(browser)} %s"}
    signing_in = Person(known.name, file, known.passphrase, known.jwk, more)
    run.closing.callback(_sign_out, run, signing_in)
    return signing_in


def _sign_out(run: Run, person: Person) -> None:
    if Path(person.more["XDG_RUNTIME_DIR"]).exists():
        person.run(run.commands, "logout")
