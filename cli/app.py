"""`panlock`: its commands, and the one place where an error becomes a message and an exit code.

Exit codes: 0 fine; 1 a check found something; 2 usage, policy or configuration; 3 Kafka or a key service unreachable,
or access denied; 70 a defect of Panlock (sysexits.h: EX_SOFTWARE); 130 interrupted.
"""

import os
import sys
import traceback
from types import MappingProxyType
from typing import Annotated

import typer

from cli.lazy import LazyGroup, Member
from cli.output import OutputClosedError, discard_stdout, say
from pipeline.errors import PanlockError

USAGE, SERVICE, DEFECT, INTERRUPTED = 2, 3, 70, 130


class Panlock(LazyGroup):
    members = MappingProxyType(
        {
            "pending": Member("cli.pending", "app", "What waits for people, and what it holds."),
            "approve": Member("cli.decide", "approve", "Approve held records."),
            "deny": Member("cli.decide", "deny", "Deny held records, or a producer's identity."),
            "break-glass": Member("cli.glass", "app", "In an emergency, two people release one held record."),
            "grant": Member("cli.grant", "app", "Let records pass a hold rule for a while."),
            "login": Member("cli.login", "login", "Sign in at your issuer, to decide."),
            "logout": Member("cli.login", "logout", "Throw the session's key away."),
            "whoami": Member("cli.login", "whoami", "Who is signed in, and for how long."),
            "person": Member("cli.person", "app", "A person's key for decisions."),
            "produce": Member("cli.produce", "produce", "Write NDJSON to a principal's quarantine topic."),
            "rejections": Member(
                "cli.rejections", "rejections", "What of a principal's records was rejected, and why."
            ),
            "mask": Member("cli.mask", "mask", "Try a policy on NDJSON, without Kafka."),
            "reveal": Member("cli.reveal", "reveal", "Read an encrypted value; the audit says who did, and why."),
            "recordings": Member("cli.recordings", "app", "List and replay what a flow has recorded."),
            "scan": Member("cli.scan", "scan", "What is sensitive in NDJSON, without a policy."),
            "audit": Member("cli.audit", "app", "Verify, search, review and export the audit."),
            "evidence": Member(
                "cli.evidence.command", "app", "What the audit shows for each PCI DSS requirement, as files."
            ),
            "policy": Member("cli.policy", "app", "Check a policy, and change the one in force."),
            "init": Member("cli.change", "init", "Fix the first policy that workers accept."),
            "deploy": Member("cli.deploy", "app", "Topics and ACLs from the policy: plan, apply, check."),
            "doctor": Member("cli.doctor", "doctor", "What stands in the way of Panlock on an existing cluster."),
            "retention": Member("cli.retention", "retention", "What each topic keeps, and what the policy says."),
            "worker": Member("cli.worker", "worker", "Run a worker."),
            "sealer": Member("cli.sealer", "sealer", "Run the sealer of the audit."),
            "broker-audit": Member("cli.broker_audit", "broker_audit", "Audit who reads, writes and is refused."),
            "lanes": Member("cli.lanes", "app", "What each lane does; let a stopped one go on."),
            "keys": Member("cli.keys", "app", "Where keys come from; make, wrap and rotate them."),
            "dev": Member("cli.dev", "app", "A development Kafka on this machine."),
        }
    )


app = typer.Typer(
    cls=Panlock,
    name="panlock",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="PCI DSS enforcement for Kafka: quarantine, mask, hold until people approve, release, audit.",
    epilog="Exit codes: 0 fine, 1 a check found something, 2 usage, policy or configuration, 3 Kafka or a key service.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"panlock {version('panlock')}")
        raise typer.Exit


@app.callback()
def panlock(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """The group itself does nothing."""


def main() -> None:
    """The command's entry point: never a stack trace for what a person can mend."""
    sys.exit(_run())


def _run() -> int:
    try:
        return _exit_code()
    except PanlockError as error:
        say(f"panlock: {error}")
        return _code_of(error)
    except (OutputClosedError, BrokenPipeError):
        discard_stdout()
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  # the last boundary: a defect's message might hold a record's content
        return _defect(error)


def _exit_code() -> int:
    try:
        app()
    except SystemExit as ended:
        sys.stdout.flush()
        return ended.code if isinstance(ended.code, int) else 0
    return 0


def _code_of(error: PanlockError) -> int:
    from deploy.admin import KafkaDeniedError, KafkaUnreachableError
    from pipeline.keys.service import KeyServiceError

    return SERVICE if isinstance(error, KafkaDeniedError | KafkaUnreachableError | KeyServiceError) else USAGE


def _defect(error: Exception) -> int:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    say(f"panlock: a defect of Panlock: {type(error).__name__} in {os.path.basename(frame.filename)}:{frame.lineno}.")
    if os.environ.get("PANLOCK_DEBUG"):
        traceback.print_exception(error)
    else:
        say("Set PANLOCK_DEBUG=1 to see the stack trace; it can show parts of records. Please report it.")
    return DEFECT


if __name__ == "__main__":
    main()
