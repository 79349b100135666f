"""TCP proxies between a client and its brokers, which can be cut: then nothing comes through, and nothing is closed."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

CHUNK = 64 << 10


class Proxies:
    """`ports`: one a target, on 127.0.0.1; `targets` are ports there, too, and may be named once they are known."""

    def __init__(self, count: int) -> None:
        self.ports: list[int] = []
        self.targets: Sequence[int] = ()
        self._count, self._open = count, asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def cut(self) -> None:
        """Whatever is sent from now on waits; who connects is taken, and hears nothing."""
        self._call(self._cut())

    def mend(self) -> None:
        """As after a network's outage: connections that were cut end, new ones go through."""
        self._call(self._mend())

    def start(self) -> None:
        self._thread.start()
        self._call(self._start())

    def stop(self) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _call(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _start(self) -> None:
        self._open.set()
        for number in range(self._count):
            server = await asyncio.start_server(self._serve(number), "127.0.0.1", 0)
            self.ports.append(server.sockets[0].getsockname()[1])

    async def _cut(self) -> None:
        self._open.clear()

    async def _mend(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._open.set()

    async def _end(self) -> None:
        await self._mend()
        if rest := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(rest, timeout=5)  # they end as their connections do

    def _serve(self, number: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._writers.add(writer)
            try:
                await self._open.wait()
                there, back = await asyncio.open_connection("127.0.0.1", self.targets[number])
                self._writers.add(back)
                try:
                    await asyncio.gather(self._copy(reader, back), self._copy(there, writer))
                finally:
                    self._writers.discard(back)
                    back.close()
            except OSError:
                pass  # its broker is down, or its connection ended: so does the other half
            finally:
                self._writers.discard(writer)
                writer.close()

        return serve

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            await self._open.wait()
            writer.write(data)
            await writer.drain()
        with suppress(OSError):
            writer.write_eof()


@contextmanager
def proxies(count: int) -> Iterator[Proxies]:
    running = Proxies(count)
    running.start()
    try:
        yield running
    finally:
        running.stop()
