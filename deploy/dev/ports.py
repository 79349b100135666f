"""Free ports on 127.0.0.1 for brokers."""

import os
import random
import socket

# below the range from which kernels take ports for outgoing connections: a restarted broker finds its port free
PORTS = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Different ports that nobody listens on now; somebody may take one before you do."""
    chance = random.Random(os.urandom(8))  # noqa: S311 - two clusters at once should not try the same ports
    free: set[int] = set()
    while len(free) < count:
        port = chance.choice(PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        free.add(port)
    return list(free)
