"""Enforcement of values that are not JSON, through their projection: the kernel's own interface around a format."""

from collections.abc import Sequence

import panlock_kernel

from pipeline.masking.face import Masked, rejected
from pipeline.masking.formats.format import Document, Format, Malformed, Unwritable
from pipeline.record import Headers, record_sha256


class Projected:
    """Masks and assesses a chunk as panlock_kernel.Flow does. Raises KernelPanic, SchemasUnavailableError."""

    def __init__(self, kernel: panlock_kernel.Flow, format_: Format) -> None:
        self._kernel, self._format = kernel, format_

    def enforce(
        self,
        principal: str,
        keys: list[bytes | None],
        values: list[bytes | None],
        headers: list[Sequence[tuple[str, bytes | None]]],
    ) -> list[Masked]:
        """One result for each record, in order."""
        documents = [None if value is None else self._read(value) for value in values]
        readable = [index for index, document in enumerate(documents) if not isinstance(document, Masked)]
        masked = self._kernel.enforce(
            principal,
            [keys[index] for index in readable],
            [_json(documents[index]) for index in readable],
            [headers[index] for index in readable],
        )
        results = dict(zip(readable, map(Masked._make, masked), strict=True))
        return [
            document if isinstance(document, Masked) else _written(results[index], document, values[index], given)
            for index, (document, given) in enumerate(zip(documents, headers, strict=True))
        ]

    def assess(
        self, principal: str, key: bytes | None, value: bytes | None, headers: Headers, masking: bytes
    ) -> tuple[int, str | None]:
        """The hold rules alone, over a record that is masked already. Raises Malformed: what was written can be read,
        unless its schema has gone."""
        json = None if value is None else self._format.read(value).json
        return self._kernel.assess(principal, key, json, headers, masking)

    def findings(self) -> list[tuple[str, int]]:
        return self._kernel.findings()

    def _read(self, value: bytes) -> Document | Masked:
        try:
            return self._format.read(value)
        except Malformed as error:
            return rejected(error.reason, error.place)


def _json(document: Document | Masked | None) -> bytes | None:
    return None if document is None or isinstance(document, Masked) else document.json


def _written(
    result: Masked, document: Document | None, value: bytes | None, given: Sequence[tuple[str, bytes | None]]
) -> Masked:
    """The kernel's result over a projection, as one over the value."""
    if result.verdict < 0:
        place = result.detail or ""
        return result._replace(detail="value" if place.startswith("byte ") else place)  # a byte of the projection
    if document is not None and value is not None and result.value != document.json:
        try:
            value = document.write(result.value or b"")
        except Unwritable as error:
            return rejected(error.reason, error.place)
    headers = tuple(given) if result.headers is None else result.headers
    return result._replace(value=value, sha256=record_sha256(result.key, value, headers).encode())
