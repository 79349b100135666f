"""`panlock audit timestamp`: a time stamp of an export's manifest, at once, from an authority of one's own choice."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from cryptography.x509 import Certificate

from agents.sealer.posting import NoAnswerError, asking
from agents.sealer.stamping import stamp
from agents.stored import Stored
from cli.audit.keys import bundles, verifiers
from cli.output import JsonOption, print_json, say
from pipeline.audit.exported import MANIFEST
from pipeline.audit.manifest import Manifest
from pipeline.audit.note import open_note
from pipeline.audit.timestamp import authorities_of, stamp_path, stamped_at


def timestamp(
    export: Annotated[str, typer.Argument(metavar="EXPORT", help="DIR, s3://…: its last manifest is stamped.")],
    url: Annotated[str, typer.Option(help="The time stamp authority (RFC 3161), http:// or https://.")],
    policy: Annotated[Path, typer.Option(help="Its audit.timestamp_authorities say whose stamps count.")],
    as_json: JsonOption = False,
) -> None:
    """Have an export's manifest stamped now, without waiting for the sealer's next hour. Needs no Kafka.

    The stamp is verified, and kept in the export. Exit 3 where the authority does not answer.
    """
    found, store = bundles(None, policy), Stored(export)
    note = store.read(MANIFEST)
    manifest = Manifest.parse(open_note(note, verifiers(found)))
    authorities = authorities_of([pem for each in found for pem in each.policy.timestamp_pems])
    answer = store.find(stamp_path(manifest.time))  # the sealer's, perhaps: one that is there is not written over
    if answer is None:
        answer = _asked(url, note, authorities)
        store.keep([(f"manifests/{manifest.time}", note), (stamp_path(manifest.time), answer)])
    moment = stamped_at(note, answer, authorities)
    if as_json:
        print_json({"manifest": manifest.time, "stamped": moment.isoformat(), "file": stamp_path(manifest.time)})
    else:
        say(f"the manifest of {manifest.time} was stamped at {moment:%Y-%m-%dT%H:%M:%SZ}: {stamp_path(manifest.time)}")


def _asked(url: str, note: bytes, authorities: Sequence[Certificate]) -> bytes:
    """Raises TimestampError."""
    try:
        return asyncio.run(_ask(url, note, authorities))
    except NoAnswerError as error:
        say(f"panlock: {error}")
        raise typer.Exit(3) from None


async def _ask(url: str, note: bytes, authorities: Sequence[Certificate]) -> bytes:
    async with asking() as session:
        return await stamp(session, url, note, authorities)
