"""Some of a lane's input partitions, open or shut together."""

from collections.abc import Iterable, Mapping
from contextlib import suppress

from faust.types import TP

from agents.transport import ChunkConsumer, ConsumerGoneError


class Gate:
    """`number` is that of its last opening: a chunk that carries another is from before, and is read again."""

    def __init__(self, consumer: ChunkConsumer, inputs: Iterable[TP]) -> None:
        self._consumer, self.inputs = consumer, frozenset(inputs)
        self.number = 0
        self.open = False

    async def open_at(self, positions: Mapping[TP, int]) -> None:
        self.open = True
        if self.inputs:
            self.number = self._consumer.new_opening()  # before the first chunk of it can come
            await self._consumer.open_at(self.number, {tp: positions[tp] for tp in self.inputs})

    async def shut(self) -> None:
        """Nothing flows; what has been fetched already may still be taken."""
        self.open = False
        with suppress(ConsumerGoneError, TimeoutError):  # then nothing flows anyway
            await self._consumer.shut(self.inputs)

    async def forget(self) -> None:
        """Shut, and take nothing any more that was fetched before."""
        self.number = 0
        await self.shut()
