"""Closing aiokafka's clients without waiting for the other side.

With an answer still on its way (a fetch that waits at the broker), uvloop's TLS goodbye can take its full 30 s. A lane
that opens, moves or ends has no time for it: what matters has been acknowledged before anything is closed.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

GOODBYE = 0.2  # seconds for an orderly end of the connections


async def hang_up(client: Any, close: Coroutine[Any, Any, None], nudge: Callable[[], object] = lambda: None) -> None:
    """Run `close`, which closes aiokafka's `client`; after GOODBYE cut the connections and `nudge`, until done."""
    transports = [conn._writer.transport for conn in client._conns.values() if conn._writer is not None]
    closing = asyncio.ensure_future(close)
    while not (await asyncio.wait({closing}, timeout=GOODBYE))[0]:
        for transport in transports:
            transport.abort()
        nudge()
    await closing
