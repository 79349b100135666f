"""Is an export whole? Derived anew from the events alone: chains, signatures, tiles, roots, checkpoints, manifest.

Pure: `read` gives a file of the export and raises TileError where it is not there. What the keys of the sealer and of
the emitters are, whoever asks knows from elsewhere than the export.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import orjson

from pipeline.audit import canonical
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.events import EventType
from pipeline.audit.followed import Followed
from pipeline.audit.logs import LogPlace
from pipeline.audit.manifest import Manifest
from pipeline.audit.merkle import leaf_hashes
from pipeline.audit.note import NoteError, Verifier, open_note
from pipeline.audit.progress import Progress
from pipeline.audit.tiles import CHECKPOINT, WIDTH, Files, Read, TileError, TileReader, TileWriter

MANIFEST, COSIGNED = "manifest", "cosigned"
BUNDLES = 16  # entry bundles at a time
_OBSERVED = b'"type":"approver.keys-observed"'


class LogReport(NamedTuple):
    """`wrong`: the first thing that is, in words; None where the log is what its checkpoint says."""

    log: str
    events: int
    wrong: str | None


class _Event(NamedTuple):
    """What verifies events takes records; here its number stands for the offset."""

    offset: int
    key: bytes
    value: bytes


def directory(place: LogPlace) -> str:
    """Of a log, in an export."""
    return f"{place.topic}/{place.partition}"


def issuer_keys(events: Sequence[bytes]) -> Files:
    """What workers saw of issuers' keys, for whoever verifies an ID token without searching the log for them."""
    for event in events:
        if _OBSERVED in event and (told := orjson.loads(event))["type"] == EventType.APPROVER_KEYS_OBSERVED:
            yield f"jwks/{told['resource']['sha256']}.json", canonical.encode({"keys": told["keys"]})


def verify_export(read: Read, places: Sequence[LogPlace], verifiers: Sequence[Verifier]) -> Iterator[LogReport]:
    """One report a log of the policy. Raises TileError or NoteError where there is no manifest to begin with."""
    manifest = Manifest.parse(open_note(read(MANIFEST), verifiers))
    named = {log.origin: log for log in manifest.logs}
    for place in places:
        name = place.origin(manifest.cluster)
        if name not in named:
            yield LogReport(name, 0, "the manifest does not name it")
            continue
        try:
            events = _log(read, place, named[name], verifiers)
        except _WrongError as error:
            yield LogReport(name, error.events, str(error))
        except (TileError, NoteError) as error:
            yield LogReport(name, 0, str(error))
        else:
            yield LogReport(name, events, None)


def _below(path: str, read: Read) -> Read:
    return lambda name: read(f"{path}/{name}")


class _WrongError(Exception):
    def __init__(self, what: str, events: int) -> None:
        super().__init__(what)
        self.events = events


def _log(root: Read, place: LogPlace, named: Checkpoint, verifiers: Sequence[Verifier]) -> int:
    """Events of the log. A checkpoint may be newer than the manifest: an export that goes on writes it first."""
    if not named.size:
        return 0
    read = _below(directory(place), root)
    checkpoint = Checkpoint.parse(open_note(read(CHECKPOINT), verifiers))
    if checkpoint.origin != named.origin or checkpoint.size < named.size:
        what = f"its checkpoint is of {checkpoint.origin}, {checkpoint.size} events; the manifest names {named.size}"
        raise _WrongError(what, 0)
    followed = Followed(place.partition, place.keys, Progress.nowhere(named.origin))
    files, writer = TileReader(checkpoint.size, read), TileWriter()
    for target in (named, checkpoint):
        for events in _between(files, writer.size, target.size):
            rows = [_Event(n, b"%d/%d" % (place.partition, n), each) for n, each in enumerate(events, writer.size)]
            followed.take(rows, 0.0)
            if followed.refused is not None:
                raise _WrongError(f"event {followed.refused.offset}: {followed.refused.what}", followed.due)
            _compare(read, writer.append(events, leaf_hashes(events)), followed.due)
            _compare(root, issuer_keys(events), followed.due)
        if (followed.progress.tree.size, followed.progress.tree.root) != (target.size, target.root):
            what = f"its events, as far as they are signed, do not lead to the root that was sealed at {target.size}"
            raise _WrongError(what, followed.due)
    _compare(read, writer.edge(), followed.due)
    return checkpoint.size


def _between(files: TileReader, start: int, end: int) -> Iterator[list[bytes]]:
    """Events [start, end), some bundles at a time."""
    while start < end:
        stop = min(end, (start // WIDTH + BUNDLES) * WIDTH)
        numbers = range(start // WIDTH, -(-stop // WIDTH))
        found = [event for number in numbers for event in files.entries(number)]
        skip = start % WIDTH
        yield found[skip : skip + stop - start]
        start = stop


def _compare(read: Read, files: Iterator[tuple[str, bytes]], events: int) -> None:
    for path, content in files:
        if read(path) != content:
            raise _WrongError(f"{path} is not what its events come to", events)
