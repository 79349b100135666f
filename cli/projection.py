"""A value that is not JSON, as its flow's rules see it: made here, from the bytes that are signed for."""

from pathlib import Path

from cli.layout import indented
from pipeline.errors import PanlockError
from pipeline.masking.formats import format_of
from pipeline.masking.formats.format import Malformed
from pipeline.masking.formats.schemas import Schemas
from pipeline.policy import load_policy


class FlowOfRecordError(PanlockError):
    """A held record of a flow that the policy given here does not have."""


def projection(value: bytes, flow: str, policy: Path, schemas: Schemas) -> str | None:
    """None for JSON. Raises PolicyError, FlowOfRecordError, SchemasUnavailableError."""
    flows = load_policy(policy).flows
    if flow not in flows:
        raise FlowOfRecordError(f"the policy has no flow {flow!r}: take the policy that the workers run")
    format_ = format_of(flows[flow], schemas)
    if format_ is None:
        return None
    try:
        return indented(format_.read(value).json.decode())
    except Malformed as error:
        return f"not readable as {flows[flow].format}: {error.reason} at {error.place}"
