"""`panlock worker`: runs the Faust app until SIGTERM, which drains it within 10 s."""

import gc
import logging
from pathlib import Path
from typing import Annotated

import faust
import typer
import uvloop

from agents.app import Worker
from agents.config import load_worker_config
from pipeline.policy import load_policy

# A batch makes tens of thousands of tuples, all alive until its commit: the default looks through them 50 times over.
COLLECT = (50_000, 20, 50)


def worker(
    policy: Annotated[Path, typer.Option(help="The policy that this worker enforces.")],
    config: Annotated[Path, typer.Option(help="Kafka connection, store directory, web port and token keys.")],
) -> None:
    """Enforce the policy: verify, mask, hold, release and audit. Exit 0 after SIGTERM, 1 if a part of it stopped."""
    logging.getLogger("aiokafka").setLevel(logging.WARNING)  # INFO tells of every restore's subscription
    settings = load_worker_config(config)
    settings.store.mkdir(parents=True, exist_ok=True)
    loop = uvloop.new_event_loop()
    app = Worker(load_policy(policy), settings).app
    gc.freeze()
    gc.set_threshold(*COLLECT)
    faust.Worker(app, loglevel="info", loop=loop, redirect_stdouts=False).execute_from_commandline()
