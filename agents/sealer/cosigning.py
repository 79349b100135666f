"""Cosignatures of checkpoints from witnesses, over HTTP (C2SP tlog-witness).

Each log's own checkpoint is cosigned, and not one of all manifests: a witness then proves of each lane that it goes on
from what it was, by itself and without anything of Panlock's; an export's checkpoint carries the lines as any other
log's does. Those that grew are asked for once a minute: a request a lane, a witness and a minute, at most.

What a witness has is asked, not remembered: whoever is new to this process is offered a log from 0, and answers with
the size that it knows (409). How the log grew since then is in panlock.checkpoints (pipeline.audit.growth).
"""

from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

import aiohttp

from agents.sealer.posting import NoAnswerError, post
from pipeline.audit.add_checkpoint import LARGEST, PATH, SIZE_TYPE, AddCheckpoint
from pipeline.audit.checkpoint import Checkpoint
from pipeline.audit.cosignature import Witness, cosigners
from pipeline.audit.cosigned import Cosigned
from pipeline.audit.growth import Growth
from pipeline.audit.merkle import Tree
from pipeline.audit.note import MARK, NoteError, parts
from pipeline.audit.sealer import Part, Sealed
from pipeline.errors import PanlockError


class Stand(NamedTuple):
    """What a witness has cosigned of a log, and how the log grew since then."""

    tree: Tree
    growth: Growth

    @classmethod
    def at(cls, tree: Tree) -> "Stand":
        return cls(tree, Growth.after(tree.size))


Sizes = Mapping[str, tuple[int, int]]  # origin → what a witness has of it, what it is offered
Remembered = Callable[[Sizes], Awaitable[Mapping[str, Stand]]]  # from what was published


class TwoHistoriesError(PanlockError):
    """A witness knows another history of a log than this one."""


class _BehindError(Exception):
    """`size`: what the witness says it has."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class Asked(NamedTuple):
    """What one witness answered: its lines, by origin; logs of which it knows another history, and why; its failure."""

    lines: Mapping[str, str]
    refused: Mapping[str, str]
    failed: str | None


class Cosigning:
    """`urls`: of each witness, by its name; `quorum`: so many cosign a checkpoint before it is published."""

    def __init__(self, witnesses: Sequence[Witness], urls: Mapping[str, str], quorum: int) -> None:
        self.witnesses = [each for each in witnesses if each.name in urls]
        self.urls, self.quorum = urls, quorum
        self._stands: dict[tuple[str, str], Stand] = {}  # by witness and origin
        self._lines: dict[str, tuple[int, dict[str, str]]] = {}  # by origin: of which size, by witness

    def grow(self, sealed: Sealed) -> None:
        """Each manifest, in order."""
        for part in sealed.parts:
            for witness in self.witnesses:
                stand = self._stands.get((witness.name, part.origin))
                if stand is not None:
                    self._stands[witness.name, part.origin] = stand._replace(growth=stand.growth.extend(part.growth))

    async def ask(
        self, session: aiohttp.ClientSession, witness: Witness, logs: Sequence[Part], remembered: Remembered
    ) -> Asked:
        """Of the logs of the last manifest, those that it has not cosigned so far."""
        lines: dict[str, str] = {}
        refused: dict[str, str] = {}
        behind: dict[str, int] = {}
        failed = None
        try:
            for part in logs:
                try:
                    lines |= await self._one(session, witness, part)
                except _BehindError as error:
                    behind[part.origin] = error.size
                except TwoHistoriesError as error:
                    refused[part.origin] = str(error)
            sizes = {part.origin: (behind[part.origin], part.tree.size) for part in logs if part.origin in behind}
            found = await remembered(sizes) if behind else {}
            for part in logs:
                if part.origin in behind:
                    try:
                        lines |= await self._again(session, witness, part, behind[part.origin], found.get(part.origin))
                    except TwoHistoriesError as error:
                        refused[part.origin] = str(error)
        except (NoAnswerError, NoteError) as error:
            failed = str(error)
        return Asked(lines, refused, failed)

    def cosigned(self, logs: Sequence[Part], asked: Mapping[str, Asked]) -> list[Cosigned]:
        """Checkpoints that have a quorum now, and got a line since the last time."""
        found = []
        for part in logs:
            new = {name: each.lines[part.origin] for name, each in asked.items() if part.origin in each.lines}
            size, known = self._lines.get(part.origin, (0, {}))
            known = {**(known if size == part.tree.size else {}), **new}
            self._lines[part.origin] = part.tree.size, known
            if new and len(known) >= self.quorum:
                note = part.note + "".join(known[name] for name in sorted(known)).encode()
                found.append(Cosigned(Checkpoint(part.origin, part.tree.size, part.tree.root), note))
        return found

    async def _one(self, session: aiohttp.ClientSession, witness: Witness, part: Part) -> dict[str, str]:
        stand = self._stands.get((witness.name, part.origin)) or Stand(Tree(), Growth(0, part.tree.size))
        if stand.tree.size == part.tree.size:
            return {}
        proof = stand.growth.path(stand.tree) if stand.tree.size else []
        return await self._add(session, witness, part, stand.tree.size, proof)

    async def _again(
        self, session: aiohttp.ClientSession, witness: Witness, part: Part, size: int, stand: Stand | None
    ) -> dict[str, str]:
        """From where the witness says it stands. Raises TwoHistoriesError where this log never stood there."""
        if size == 0:  # it was set up anew: that is its operator's matter, and no other history
            stand = Stand(Tree(), Growth(0, part.tree.size))
        elif size == part.tree.size:
            stand = Stand.at(part.tree)
        if stand is None or stand.growth.size != part.tree.size:
            raise TwoHistoriesError(
                f"{witness.name} has cosigned {size} events, a size that was never published here, where it has "
                f"{part.tree.size} now: the log was rolled back, or somebody else signs with the sealer's key"
            )
        try:
            return await self._add(session, witness, part, size, stand.growth.path(stand.tree))
        except _BehindError as error:
            what = f"{witness.name} says {size}, and then {error.size}: does somebody else ask it?"
            raise NoAnswerError(what) from None

    async def _add(
        self, session: aiohttp.ClientSession, witness: Witness, part: Part, old: int, proof: Sequence[bytes]
    ) -> dict[str, str]:
        """Raises _BehindError, TwoHistoriesError, NoAnswerError, NoteError."""
        url = f"{self.urls[witness.name].rstrip('/')}/{PATH}"
        body = AddCheckpoint(old, proof, part.note).encode()
        answer = await post(session, url, body, "text/plain", LARGEST)
        told = answer.body.decode(errors="replace").strip()
        if answer.status == 409 and answer.type == SIZE_TYPE:
            if not (told.isascii() and told.isdigit() and len(told) < 20):
                raise NoAnswerError(f"{url} answers 409 without the size that it knows")
            if int(told) != old:
                raise _BehindError(int(told))
        if answer.status in (409, 422):
            raise TwoHistoriesError(f"{witness.name} has cosigned another history of its first {old} events")
        if answer.status != 200:
            raise NoAnswerError(f"{url} answers {answer.status}: does it know {part.origin}, and the sealer's key?")
        lines = _lines_of(witness, part.note + answer.body)
        self._stands[witness.name, part.origin] = Stand.at(part.tree)
        return {part.origin: lines}


def _lines_of(witness: Witness, note: bytes) -> str:
    """The witness's own. Raises NoteError."""
    if witness.name not in cosigners(note, [witness]):
        raise NoteError(f"{witness.name} answers without a cosignature of the key that the policy names")
    _, found = parts(note)
    mine = [raw for name, raw in found if (name, raw[:4]) == (witness.name, witness.id)]
    return "".join(f"{MARK}{witness.name} {b64encode(raw).decode()}\n" for raw in mine)
