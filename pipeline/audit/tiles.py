"""A log as files: C2SP tlog-tiles, with entry bundles, as Tessera and any other reader of such logs finds them.

    tile/entries/<n>        256 events, each as u16 length (big-endian) and bytes
    tile/<level>/<n>        256 hashes: of leaves at level 0, above it the roots of the level's 256-wide tiles below
    checkpoint              the signed note of the last size

<n> is written in groups of three digits, all but the last with an x before: 1234067 is x001/x234/067. A tile at the
right edge has `.p/<width>` behind it, 1 to 255 wide. What is complete never changes.
"""

from collections.abc import Callable, Iterator, Sequence

from pipeline.audit.merkle import HASH, node_hash, root_of
from pipeline.errors import PanlockError

WIDTH = 256
CHECKPOINT = "checkpoint"
Files = Iterator[tuple[str, bytes]]
Read = Callable[[str], bytes]


class TileError(PanlockError):
    """A file of a log that is not there, or is not what its name says."""


def tile_path(level: int | None, number: int, width: int = WIDTH) -> str:
    """`level` None: an entry bundle."""
    groups = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        groups.insert(0, f"x{number % 1000:03d}")
    partial = f".p/{width}" if width < WIDTH else ""
    return f"tile/{'entries' if level is None else level}/{'/'.join(groups)}{partial}"


def bundle(events: Sequence[bytes]) -> bytes:
    return b"".join(len(event).to_bytes(2, "big") + event for event in events)


def entries(content: bytes) -> list[bytes]:
    """Raises TileError."""
    found, at = [], 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 2], "big")
        found.append(content[at + 2 : at + 2 + length])
        at += 2 + length
    if at != len(content) or len(found) > WIDTH:
        raise TileError("an entry bundle that is cut short, or too wide")
    return found


def widths(size: int) -> list[int]:
    """Of the incomplete tile at each level, of a tree of `size`; 0 where there is none."""
    found = []
    while size:
        found.append(size % WIDTH)
        size //= WIDTH
    return found


class TileWriter:
    """Makes the files of a log that grows. Starts with what its incomplete tiles hold; `pending` are their events."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = (), pending: Sequence[bytes] = ()) -> None:
        """`hashes`: by level, one behind the other. Raises TileError."""
        self.size, self._pending = size, list(pending)
        self._hashes = [bytearray(each) for each in hashes]
        if [HASH * width for width in widths(size)] != [*map(len, hashes)] or len(self._pending) != size % WIDTH:
            raise TileError(f"the incomplete tiles are not those of a log of {size} events")

    def append(self, events: Sequence[bytes], leaves: bytes) -> Files:
        """Complete tiles and bundles, as soon as they are. `leaves`: the events' hashes."""
        at = 0
        while at < len(events):
            take = min(WIDTH - len(self._pending), len(events) - at)
            self._pending += events[at : at + take]
            self._level(0).extend(leaves[HASH * at : HASH * (at + take)])
            at, self.size = at + take, self.size + take
            if len(self._pending) == WIDTH:
                yield tile_path(None, self.size // WIDTH - 1), bundle(self._pending)
                self._pending.clear()
                yield from self._complete()

    def edge(self) -> Files:
        """The incomplete tiles and bundle, before a checkpoint of this size."""
        if self._pending:
            yield tile_path(None, self.size // WIDTH, len(self._pending)), bundle(self._pending)
        for level, hashes in enumerate(self._hashes):
            if hashes:
                number = self.size >> 8 * (level + 1)
                yield tile_path(level, number, len(hashes) // HASH), bytes(hashes)

    def _complete(self) -> Files:
        level = 0
        while len(self._level(level)) == HASH * WIDTH:
            hashes = bytes(self._level(level))
            yield tile_path(level, (self.size >> 8 * (level + 1)) - 1), hashes
            self._level(level).clear()
            self._level(level + 1).extend(root_of(hashes))
            level += 1

    def _level(self, level: int) -> bytearray:
        while len(self._hashes) <= level:
            self._hashes.append(bytearray())
        return self._hashes[level]


class TileReader:
    """A log of `size` events, from its files. `read` gives a file's content and raises TileError."""

    def __init__(self, size: int, read: Read) -> None:
        self.size, self._read = size, read

    def hashes(self, level: int, number: int) -> bytes:
        """Raises TileError."""
        whole = self.size >> 8 * level  # nodes of this level
        width = min(WIDTH, whole - WIDTH * number)
        content = self._read(tile_path(level, number, width))
        if len(content) != HASH * width:
            raise TileError(f"{tile_path(level, number, width)} has {len(content)} bytes")
        return content

    def edges(self) -> list[bytes]:
        """What the incomplete tiles hold, by level: what TileWriter goes on from. Raises TileError."""
        return [
            self.hashes(level, (self.size >> 8 * level) // WIDTH) if width else b""
            for level, width in enumerate(widths(self.size))
        ]

    def bundle(self, number: int) -> bytes:
        """Events as their file has them. Raises TileError."""
        return self._read(tile_path(None, number, min(WIDTH, self.size - WIDTH * number)))

    def entries(self, number: int) -> list[bytes]:
        """Events of one bundle. Raises TileError."""
        width = min(WIDTH, self.size - WIDTH * number)
        found = entries(self.bundle(number))
        if len(found) != width:
            raise TileError(f"{tile_path(None, number, width)} holds {len(found)} events")
        return found

    def root(self, start: int, end: int) -> bytes:
        """As pipeline.audit.merkle.Roots: of a complete part at its place, or of one that ends with the log."""
        width = end - start
        if width & (width - 1):
            split = start + (1 << width.bit_length() - 1)
            return node_hash(self.root(start, split), self.root(split, end))
        level = (width.bit_length() - 1) // 8
        first, count = start >> 8 * level, width >> 8 * level
        hashes = self.hashes(level, first // WIDTH)
        return root_of(hashes[HASH * (first % WIDTH) :][: HASH * count])
