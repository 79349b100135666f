"""`panlock worker`: runs the Faust app until SIGTERM, which drains it within 10 s."""

import asyncio
import gc
import sys
from pathlib import Path
from typing import Annotated

import faust
import typer
import uvloop

from agents.app import Worker
from agents.approved import approved
from agents.cluster import facts
from agents.config import load_worker_config
from agents.core_dumps import forbid_core_dumps
from agents.fit import check_fit
from agents.keys.opening import open_keys
from agents.logs import configure
from agents.signing import signer_of
from cli.config import DevelopmentOption
from cli.kafka import told
from pipeline.policy.bundle import load_bundle
from pipeline.policy.topics import limits

# Batches make hundreds of thousands of tuples, all alive until their commit, and none of them in a cycle: a smaller
# threshold walks over them again and again, which costs up to 3 us a signed record.
COLLECT = (500_000, 20, 50)
# Seconds until a thread that needs the interpreter gets it: enforcement comes back from the kernel three times a signed
# chunk, and the default of 5 ms made it wait longer than it worked.
SWITCH = 0.001


def worker(
    policy: Annotated[Path, typer.Option(help="The policy that this worker enforces.")],
    config: Annotated[Path, typer.Option(help="Kafka connection, store directory, web port and keys.")],
    development: DevelopmentOption = False,
) -> None:
    """Enforce the policy: verify, mask, hold, release and audit. Exit 0 after SIGTERM, 1 if a part of it stopped.

    Refuses to start where people have not approved the policy or the cluster's topics do not fit it (exit 2), or Kafka
    or a key service does not answer (exit 3).
    """
    configure()
    forbid_core_dumps()
    settings = load_worker_config(config)
    keys = open_keys(settings, development)
    settings.store.mkdir(parents=True, exist_ok=True)
    loop = uvloop.new_event_loop()
    bundle = load_bundle(policy)
    rules = bundle.policy
    with told(settings.kafka, "see the policy's topics"):
        signer = signer_of(rules.audit.worker_keys, keys.audit)
        words = asyncio.run(approved(settings.kafka, bundle, settings.genesis, settings.issuer_context(), signer))
        check_fit(rules, asyncio.run(facts(settings.kafka, sorted(limits(rules)))))
    app = Worker(rules, settings, keys, words, development).app
    gc.freeze()
    gc.set_threshold(*COLLECT)
    sys.setswitchinterval(SWITCH)
    runner = faust.Worker(app, loop=loop, redirect_stdouts=False, override_logging=False, quiet=True)
    runner.spinner = None  # its control characters are no lines of a log
    runner.execute_from_commandline()
