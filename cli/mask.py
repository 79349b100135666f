"""`panlock mask`: what a policy makes of records, without Kafka and under a key that is thrown away.

NDJSON in, NDJSON out, one object for each line, malformed and empty ones too:
{"outcome","value","findings","reason"}. `value` is the masked record spliced in byte for byte, null when rejected;
`reason` is the code of a rejection or the id of the rule that holds. Beyond a hundred findings, `findings_more` counts
the others by class. Of a flow whose format is not JSON the whole input is one record, and `value` a JSON string: the
masked text, or `base64:` and bytes that are no UTF-8.
"""

import secrets
import sys
from collections.abc import Iterator
from dataclasses import replace
from io import BufferedReader
from pathlib import Path
from typing import Annotated, NamedTuple, cast

import orjson
import typer

from cli.output import write
from cli.pending import readable
from cli.schemas import schemas_at
from pipeline.enforce import enforce
from pipeline.errors import PanlockError
from pipeline.keys import Keyring
from pipeline.masking.face import REASONS, Masked
from pipeline.masking.formats.schemas import Schemas
from pipeline.policy import Policy, load_policy
from pipeline.policy.topics import quarantine_topic
from pipeline.record import Headers, Reason
from pipeline.source import Source, sources

READ = 1 << 20  # bytes asked for at once; what is there is worked on, so that a slow producer gets its answers at once
_REJECTED = b'{"outcome":"rejected","value":null,"findings":[],"reason":"%b"}\n'


class UnknownFlowError(PanlockError):
    """A flow or producer that the policy does not have."""


class _Line(NamedTuple):
    """A record as enforcement takes it."""

    value: bytes
    key: bytes | None = None
    headers: Headers = ()
    offset: int = 0
    timestamp: int = 0


def mask(
    policy: Annotated[Path, typer.Option(help="The policy.")],
    flow: Annotated[str, typer.Option(help="The flow whose rules apply.")],
    principal: Annotated[
        str | None, typer.Option(help="The producer, for hold rules that look at it; default the flow's first.")
    ] = None,
    schemas: Annotated[
        Path | None, typer.Option(help="Directory of schemas, or a configuration with `schemas:`, as a worker's.")
    ] = None,
) -> None:
    """Mask stdin to stdout: NDJSON, or one value in the flow's format.

    Nothing of it leaves this process; tokens are under a throw-away key.
    """
    loaded = load_policy(policy)
    source = _source(loaded, flow, principal, schemas_at(schemas))
    limit = loaded.flows[flow].max_message_bytes
    if loaded.flows[flow].format != "json":
        write(b"".join(answers(source, [sys.stdin.buffer.read()], limit, spliced=False)))
        return
    for lines in batches(cast(BufferedReader, sys.stdin.buffer)):
        write(b"".join(answers(source, lines, limit)))
        sys.stdout.flush()


def _source(policy: Policy, flow: str, principal: str | None, schemas: Schemas | None = None) -> Source:
    """Raises UnknownFlowError."""
    if flow not in policy.flows:
        raise UnknownFlowError(f"the policy has no flow {flow!r}: take one of {', '.join(policy.flows)}")
    producers = policy.flows[flow].producers
    if principal is not None and principal not in producers:
        raise UnknownFlowError(f"{principal!r} is no producer of {flow}: take one of {', '.join(producers)}")
    ids = {"try", *(id_ for domain in policy.token_domains.values() for id_ in domain.ids)}
    keyring = Keyring({id_: secrets.token_bytes(32) for id_ in ids}, "try")
    source = sources(policy, keyring, schemas=schemas)[quarantine_topic(flow, principal or producers[0])]
    return replace(source, identity="broker")  # there are no headers here


def batches(stream: BufferedReader) -> Iterator[list[bytes]]:
    """Whole lines without their line feeds, as many as have come."""
    rest: list[bytes] = []
    while chunk := stream.read1(READ):
        head, feed, tail = chunk.rpartition(b"\n")
        if not feed:
            rest.append(chunk)
            continue
        yield b"".join([*rest, head]).split(b"\n")
        rest = [tail] if tail else []
    if rest:
        yield [b"".join(rest)]


def answers(source: Source, lines: list[bytes], limit: int, *, spliced: bool = True) -> Iterator[bytes]:
    """One line for each; `limit`: the largest record in bytes that the flow's quarantine topic takes; `spliced`: values
    are JSON, and come out as they are."""
    records = [_Line(line) for line in lines if len(line) <= limit]
    results = iter(enforce(source, 0, records, 0).results)
    for line in lines:
        yield _answer(source, next(results) if len(line) <= limit else Reason.TOO_LARGE, spliced)


def _answer(source: Source, result: Masked | Reason, spliced: bool) -> bytes:
    if isinstance(result, Reason):
        return _REJECTED % result.value.encode()
    verdict, detail, _, value, _, masking, more, _ = result
    if verdict < 0:
        return _REJECTED % REASONS[-verdict - 1].value.encode()
    held = verdict > 0
    reason = b'"%b"' % (detail or source.rules[verdict - 1].id).encode() if held else b"null"
    counts = b"" if more is None else b',"findings_more":' + more
    return b'{"outcome":"%b","value":%b,"findings":%b,"reason":%b%b}\n' % (
        b"held" if held else b"released",
        b"null" if value is None else value if spliced else orjson.dumps(readable(value)),
        masking,
        reason,
        counts,
    )
