"""No core dumps of a process that holds keys or card data, and no debugger of the same user's."""

import ctypes
import resource
import sys

from pipeline.keys.service import KeysError

PR_SET_DUMPABLE = 4  # linux/prctl.h


def forbid_core_dumps() -> None:
    """RLIMIT_CORE 0; on Linux also not dumpable, which a core_pattern that pipes to a program obeys, too: it ignores
    the limit. Raises KeysError where the system refuses."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux" and ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise KeysError(f"core dumps cannot be turned off (prctl: error {ctypes.get_errno()}): allow prctl(2)")
