"""What a node of the cluster reports of one window: a record of `panlock.access`, in JSON, signed by that node.

    {"v":1,"cluster":"…","node":1,"role":"broker","incarnation":"<16 hex>","started":1764…,"seq":41,"from":1764…,
     "to":1764…,"last":false,"counts":[["User:ledger","10.0.0.7","TOPIC","payments","READ","FETCH",true,57]],
     "beyond":{"allowed":0,"denied":0,"failed":0}}

Times are milliseconds of the node's clock. Header `panlock-signature`: Ed25519 over "panlock-access-v1" and the value.
`seq` counts the reports of one start (`incarnation`) of a node from 0; a window of many accesses has several.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.audit.signature import Keys
from pipeline.errors import PanlockError

DOMAIN = b"panlock-access-v1"
HEADER = "panlock-signature"
_LONGEST = 256  # characters of a name: what is longer, the node has cut

Ms = Annotated[int, Field(ge=0, lt=1 << 53)]
Count = Annotated[int, Field(ge=0, lt=1 << 53)]
Text = Annotated[str, Field(max_length=_LONGEST)]


class Refusal(StrEnum):
    """Why a report does not count. Never renamed; docs/reasons.md explains each."""

    MALFORMED = "malformed"
    SIGNATURE = "signature"
    CLUSTER = "cluster"
    STALE = "stale"
    REPEATED = "repeated"


class ReportError(PanlockError):
    """A record of `panlock.access` that is no report of a node."""

    def __init__(self, reason: Refusal, what: str) -> None:
        super().__init__(what)
        self.reason = reason


class Access(NamedTuple):
    """So many `times` in a window. `kind`, `operation` and `request` are Kafka's names, `name` the resource's."""

    principal: Text
    host: Text
    kind: Text
    name: Text
    operation: Text
    request: Text
    allowed: bool
    times: Count


class Beyond(BaseModel):
    """Accesses that were not counted by themselves: too many different ones, or a defect (`failed`)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    allowed: Count = 0
    denied: Count = 0
    failed: Count = 0


class Report(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    v: Literal[1]
    cluster: Text
    node: Annotated[int, Field(ge=0, lt=1 << 31)]
    role: Literal["broker", "controller", "log"]
    incarnation: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    started: Ms
    seq: Count
    from_: Ms = Field(alias="from")
    to: Ms
    last: bool
    counts: Annotated[tuple[Access, ...], Field(max_length=1_000)]
    beyond: Beyond

    @property
    def source(self) -> str:
        """Which node, in which role."""
        return f"{self.node}/{self.role}"


def read_report(value: bytes | None, headers: Mapping[str, bytes | None], cluster: str, keys: Keys) -> Report:
    """Raises ReportError."""
    signature = headers.get(HEADER) or b""
    if not any(_signed(key, signature, value or b"") for key in keys.values()):
        raise ReportError(Refusal.SIGNATURE, "no broker's key has signed it")
    try:
        report = Report.model_validate_json(value or b"")
    except ValidationError as error:
        raise ReportError(Refusal.MALFORMED, f"it is no report: {error.error_count()} members are not as due") from None
    if report.cluster != cluster:
        raise ReportError(Refusal.CLUSTER, "it is of another cluster")
    return report


def _signed(key: Ed25519PublicKey, signature: bytes, value: bytes) -> bool:
    try:
        key.verify(signature, DOMAIN + value)
    except InvalidSignature:
        return False
    return True
