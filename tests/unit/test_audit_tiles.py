"""A log as tlog-tiles: names and bytes, however it grew, and the proofs that come out of them."""

import pytest

from pipeline.audit.merkle import consistency_path, inclusion_path, leaf_hash, root_from, root_of, roots_of
from pipeline.audit.tiles import TileError, TileReader, TileWriter, bundle, entries, tile_path, widths

EVENTS = [b"event %d" % n * (n % 3) for n in range(66_000)]
LEAVES = b"".join(map(leaf_hash, EVENTS))


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ((0, 0), "tile/0/000"),
        ((1, 999, 7), "tile/1/999.p/7"),
        ((0, 1_000), "tile/0/x001/000"),
        ((2, 1_234_067, 255), "tile/2/x001/x234/067.p/255"),
        ((None, 5), "tile/entries/005"),
    ],
)
def test_names_are_those_of_the_specification(arguments: tuple, path: str) -> None:
    assert tile_path(*arguments) == path


def written(size: int, steps: list[int]) -> dict[str, bytes]:
    """Files of a log that grew in steps, each by a writer that knows no more than the files before."""
    files: dict[str, bytes] = {}
    at = 0
    for end in [*steps, size]:
        reader = TileReader(at, files.__getitem__)
        pending = reader.entries(at // 256) if at % 256 else []
        writer = TileWriter(at, reader.edges(), pending)
        for path, content in (*writer.append(EVENTS[at:end], LEAVES[32 * at : 32 * end]), *writer.edge()):
            assert files.get(path, content) == content, f"{path} changes"
            files[path] = content
        at = end
    return files


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_536, 66_000])
def test_a_log_has_every_tile_that_it_should(size: int) -> None:
    files = written(size, [])
    reader = TileReader(size, files.__getitem__)
    got = [event for number in range(-(-size // 256)) for event in reader.entries(number)]
    assert got == EVENTS[:size]
    assert sum(path.startswith("tile/0/") for path in files) == -(-size // 256)
    assert [len(edge) // 32 for edge in reader.edges()] == widths(size)


@pytest.mark.parametrize("steps", [[0, 1, 2], [255, 256, 300], [65_535, 65_537], [7, 65_536]])
def test_it_does_not_matter_in_which_steps_it_grew(steps: list[int]) -> None:
    assert written(66_000, []).items() <= written(66_000, steps).items()


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 700, 65_536, 65_793, 66_000])
def test_proofs_from_tiles_are_those_from_leaves(size: int) -> None:
    reader, roots = TileReader(size, written(size, []).__getitem__), roots_of(LEAVES)
    for index in {0, size // 3, size // 2, size - 1}:
        path = inclusion_path(index, size, reader.root)
        assert path == inclusion_path(index, size, roots)
        assert root_from(leaf_hash(EVENTS[index]), index, size, path) == root_of(LEAVES[: 32 * size])
    for first in {1, size // 2 or 1, size}:
        assert consistency_path(first, size, reader.root) == consistency_path(first, size, roots)


def test_a_bundle_says_how_long_each_event_is() -> None:
    events = [b"", b"x" * 65_535, b"y"]
    assert entries(bundle(events)) == events
    for wrong in (b"\x00", b"\x00\x05abc", 257 * b"\x00\x00"):
        with pytest.raises(TileError):
            entries(wrong)


def test_files_that_do_not_fit_the_size_are_refused() -> None:
    files = written(300, [])
    files["tile/0/001.p/44"] += bytes(32)
    files["tile/entries/001.p/44"] = bundle(EVENTS[:3])
    reader = TileReader(300, files.__getitem__)
    with pytest.raises(TileError):
        reader.edges()
    with pytest.raises(TileError):
        reader.entries(1)
    with pytest.raises(TileError):
        TileWriter(300, [b""], [])
