"""What `panlock sealer` and `panlock broker-audit` share: a process with a key and a log of its own, until SIGTERM."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, Literal, Protocol, TypeVar

import typer
import uvloop
from aiohttp import web

from agents.approved import approved
from agents.core_dumps import forbid_core_dumps
from agents.emitter import Config, load_emitter_config
from agents.keys.opening import open_audit_key
from agents.logs import configure
from agents.signing import signer_of
from cli.kafka import told
from pipeline.audit.signature import Signer
from pipeline.errors import PanlockError
from pipeline.policy.bundle import Bundle, load_bundle

EmitterPolicyOption = Annotated[
    Path, typer.Option("--policy", help="The policy that workers enforce: it says whose signatures count.")
]
EmitterConfigOption = Annotated[
    Path, typer.Option("--config", help="Kafka connection, store directory, web port and audit key.")
]
Keys = Literal["sealer_keys", "broker_keys"]


class NoKeysError(PanlockError):
    """The policy names no key of such a process."""


class Process(Protocol):
    stopping: asyncio.Event

    async def run(self) -> None: ...


Running = TypeVar("Running", bound=Process)


@dataclass(frozen=True, slots=True)
class Emitter(Generic[Config]):
    settings: Config
    bundle: Bundle
    signer: Signer

    def run(self, what: str, process: Running, serve: Callable[[Running], Awaitable[web.AppRunner]]) -> None:
        """Once people have approved the policy. `what`: it does, for messages. Raises what `approved` and `told`
        raise."""
        with told(self.settings.kafka, what):
            asyncio.run(approved(self.settings.kafka, self.bundle, self.settings.genesis))
            uvloop.run(_until_stopped(process, serve))


def emitter(policy: Path, config: Path, model: type[Config], keys: Keys, development: bool) -> Emitter[Config]:
    """`keys`: the member of the policy's `audit` that must name its key. Raises NoKeysError, WorkerConfigError,
    KeysError, KeyServiceError, PolicyError."""
    configure()
    forbid_core_dumps()
    settings, bundle = load_emitter_config(config, model), load_bundle(policy)
    settings.store.mkdir(parents=True, exist_ok=True)
    signer = signer_of(getattr(bundle.policy.audit, keys), open_audit_key(settings, development))
    if signer is None:
        raise NoKeysError(f"{policy} names no audit.{keys}: make a key with `panlock audit key`, and add it")
    return Emitter(settings, bundle, signer)


async def _until_stopped(process: Running, serve: Callable[[Running], Awaitable[web.AppRunner]]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, process.stopping.set)
    runner = await serve(process)
    try:
        await process.run()
    finally:
        await runner.cleanup()
