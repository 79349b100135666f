"""`panlock sealer`: seals the audit until SIGTERM."""

import asyncio
import logging
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from agents.approved import approved
from agents.core_dumps import forbid_core_dumps
from agents.keys.opening import open_audit_key
from agents.quiet import hush_aiokafka
from agents.sealer.config import SealerConfig, load_sealer_config
from agents.sealer.process import SealerProcess
from agents.sealer.web import serve
from agents.signing import signer_of
from cli.config import DevelopmentOption
from cli.kafka import told
from pipeline.audit.signature import Signer
from pipeline.errors import PanlockError
from pipeline.policy.bundle import load_bundle
from pipeline.policy.models import Policy


class NotSealedError(PanlockError):
    """The policy has no sealer."""


def sealer(
    policy: Annotated[Path, typer.Option(help="The policy that workers enforce: it says whose signatures count.")],
    config: Annotated[Path, typer.Option(help="Kafka connection, store directory, web port and audit key.")],
    development: DevelopmentOption = False,
) -> None:
    """Seal the audit: follow every log, refuse what is unsigned or rewritten, publish signed checkpoints and manifests.

    One runs at a time; another one fences it. Exit 0 after SIGTERM, 2 where it cannot go on.
    """
    hush_aiokafka()
    forbid_core_dumps()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    settings, bundle = load_sealer_config(config), load_bundle(policy)
    settings.store.mkdir(parents=True, exist_ok=True)
    signer = signer_of(bundle.policy.audit.sealer_keys, open_audit_key(settings, development))
    if signer is None:
        raise NotSealedError(f"{policy} names no audit.sealer_keys: make a key with `panlock audit key`, and add it")
    with told(settings.kafka, "seal the audit"):
        asyncio.run(approved(settings.kafka, bundle, settings.genesis))
        uvloop.run(_run(bundle.policy, settings, signer))


async def _run(policy: Policy, settings: SealerConfig, signer: Signer) -> None:
    process = SealerProcess(policy, settings, signer)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, process.stopping.set)
    runner = await serve(process)
    try:
        await process.run()
    finally:
        await runner.cleanup()
