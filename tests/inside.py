"""Runs `panlock` in this process, as its entry point does: where a test calls it often."""

import io
import sys

from cli.app import _run
from tests.integration.cli_runner import Ended


def inside(*arguments: str) -> Ended:
    """Exit code, stdout and stderr, as `tests.integration.cli_runner.run` gives them."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    kept = sys.argv, sys.stdout, sys.stderr
    sys.argv, sys.stdout, sys.stderr = ["panlock", *arguments], out, err
    try:
        code = _run()
    finally:
        sys.argv, sys.stdout, sys.stderr = kept
    return Ended(code, *(each.buffer.getvalue().decode() for each in (out, err)))  # type: ignore[attr-defined]
