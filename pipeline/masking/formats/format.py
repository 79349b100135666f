"""What a format is to enforcement: a way from a value's bytes to a JSON document, and back with what was masked.

JSON itself is read by the kernel and passes none of this. Every other format is *projected*: `read` gives the document
that field rules, the scan and hold rules see; the kernel masks it; `write` puts what changed into the value. A value in
which nothing is masked is never written anew: it comes out as the very same bytes.

    value ── read ──▶ document.json ── kernel ──▶ masked JSON ── document.write ──▶ masked value
"""

from typing import Protocol

from pipeline.errors import PanlockError
from pipeline.record import Reason

DEEPEST = 64  # levels of any value, as in the kernel


class Malformed(Exception):
    """A value that its format cannot read. `place`: "byte N" or a path; never anything of the value."""

    def __init__(self, place: str, reason: Reason = Reason.MALFORMED_VALUE) -> None:
        super().__init__(reason.value, place)
        self.reason, self.place = reason, place


class Unwritable(Exception):
    """A masked document that its format or schema has no room for. `place`: a path; never anything of the value."""

    def __init__(self, place: str, reason: Reason = Reason.SCHEMA_MISMATCH) -> None:
        super().__init__(reason.value, place)
        self.reason, self.place = reason, place


class SchemasUnavailableError(PanlockError):
    """Schemas cannot be had now. No fault of any record: the worker stops and tries again, it rejects nothing."""


class Document(Protocol):
    """One value, read."""

    @property
    def json(self) -> bytes:
        """One JSON value in UTF-8: all that the value holds, so that nothing of it escapes the scan."""

    def write(self, masked: bytes) -> bytes:
        """The value, with `masked` in the place of `json`. `read` of the result gives `masked` again, but for members
        that masking dropped where the format can only empty them. Raises Unwritable."""


class Format(Protocol):
    """Pure but for the schemas it was made with; called from several threads."""

    def read(self, value: bytes) -> Document:
        """Bounded in depth (DEEPEST), and in time by the value's size. Raises Malformed, SchemasUnavailableError."""
