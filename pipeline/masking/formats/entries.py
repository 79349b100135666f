"""The entries of a map whose keys masking may have changed or dropped: Avro and Protobuf."""

from collections.abc import Mapping

from pipeline.masking.formats.format import Unwritable
from pipeline.masking.formats.leaves import Json


def entries(native: list[tuple[str, object]], masked: Mapping[str, Json], place: str) -> list[tuple[str, object]]:
    """The masked names, each with the value that it had. Names that are gone were dropped or masked: where some were
    dropped and others masked, nothing tells which, and the document has no place. Raises Unwritable."""
    names = {name for name, _ in native}
    fresh = iter([name for name in masked if name not in names])
    gone = sum(name not in masked for name in names)
    renamed = len(masked) - (len(names) - gone)
    if renamed and renamed != gone:
        raise Unwritable(place)
    if not renamed:
        return [(name, value) for name, value in native if name in masked]
    return [(name if name in masked else next(fresh), value) for name, value in native]
