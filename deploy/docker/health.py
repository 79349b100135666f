#!/opt/panlock/bin/python
"""The image's health check: exit 0 where the process of this container answers /healthz.

It takes `store: /var/lib/panlock` for granted, the image's volume, in which each process writes the port it serves on.
On the standard library alone: it runs every ten seconds.
"""

import sys
import urllib.request
from pathlib import Path

PORT = Path("/var/lib/panlock/web.port")
PATIENCE = 4.0  # seconds


def main() -> int:
    try:
        port = int(PORT.read_text())
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE) as answer:
            return 0 if answer.status == 200 else 1
    except (OSError, ValueError) as error:
        print(f"no answer of /healthz ({PORT}): {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
