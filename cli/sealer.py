"""`panlock sealer`: seals the audit until SIGTERM."""

from agents.sealer.config import SealerConfig
from agents.sealer.process import SealerProcess
from agents.sealer.web import serve
from cli.config import DevelopmentOption
from cli.emitter import EmitterConfigOption, EmitterPolicyOption, emitter


def sealer(policy: EmitterPolicyOption, config: EmitterConfigOption, development: DevelopmentOption = False) -> None:
    """Seal the audit: follow every log, refuse what is unsigned or rewritten, publish signed checkpoints and manifests.

    One runs at a time; another one fences it. Exit 0 after SIGTERM, 2 where it cannot go on.
    """
    own = emitter(policy, config, SealerConfig, "sealer_keys", development)
    own.run("seal the audit", SealerProcess(own.bundle.policy, own.settings, own.signer), serve)
