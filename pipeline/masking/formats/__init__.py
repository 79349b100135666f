"""The formats of values, one a module, behind one table."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from pipeline.masking.formats.format import Format
from pipeline.masking.formats.ndjson import NdJsonFormat
from pipeline.masking.formats.text import TextFormat


class Flow(Protocol):
    """What of a policy's flow concerns its format."""

    @property
    def format(self) -> str: ...


FORMATS: Mapping[str, Callable[[Flow], Format]] = MappingProxyType(
    {
        "ndjson": lambda flow: NdJsonFormat(),
        "text": lambda flow: TextFormat(),
    }
)


def format_of(flow: Flow) -> Format | None:
    """None for JSON: the kernel reads it itself."""
    return None if flow.format == "json" else FORMATS[flow.format](flow)
