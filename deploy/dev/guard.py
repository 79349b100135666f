"""Runs one child process that must not outlive whoever started this guard, however that one ends.

`python guard.py COMMAND…`: prints the child's pid, then waits; all the child says goes to standard error. When standard
input closes (its holder ended, even by kill -9) the child gets SIGTERM, and SIGKILL after GRACE seconds. Exits with the
child's code. On the standard library alone: it stays in memory as long as the child does.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys

GRACE = 15.0  # seconds; a broker that is alone flushes and leaves within two
_PR_SET_PDEATHSIG = 1


def die_with_guard() -> None:
    """The guard itself may be killed: the kernel then ends the child (Linux; elsewhere the pipe alone holds it)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(command: list[str]) -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us decides about Ctrl-C
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=2, preexec_fn=die_with_guard)
    print(child.pid, flush=True)
    os.close(1)
    ended = os.pidfd_open(child.pid) if hasattr(os, "pidfd_open") else -1
    watched = [0] + [ended] * (ended >= 0)
    while child.poll() is None:
        ready, _, _ = select.select(watched, [], [], None if ended >= 0 else 0.2)
        if 0 in ready and not os.read(0, 1):
            child.terminate()
            try:
                child.wait(GRACE)
            except subprocess.TimeoutExpired:
                child.kill()
            break
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
