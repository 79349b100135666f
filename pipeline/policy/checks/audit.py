"""Witnesses of the audit: as many as must agree, each somebody of their own."""

from collections.abc import Iterator

from pipeline.audit.cosignature import Witness
from pipeline.audit.note import NoteError
from pipeline.audit.signature import public_jwk
from pipeline.policy.document import Cursor
from pipeline.policy.problems import Problem, quote


def check_witnesses(root: Cursor) -> Iterator[Problem]:
    """Two of one name, or one with a key of the audit's own, would count and be nobody else."""
    place = root.at("audit", "witnesses")
    own = {
        key.data.get("x")
        for kind in ("worker_keys", "sealer_keys")
        for key in root.at("audit", kind).elements()
        if isinstance(key.data, dict)
    }
    names = set[str]()
    for element in place.elements():
        try:
            witness = Witness.parse(element.text or "")
        except NoteError:
            continue
        if witness.name in names:
            yield element.problem(f"{quote(witness.name)} stands twice", "keep one")
        if public_jwk(witness.key)["x"] in own:
            yield element.problem("has a key of the audit's own", "let somebody else witness it, with a key of theirs")
        names.add(witness.name)
    quorum, count = root.at("audit", "witness_quorum"), len(list(place.elements()))
    if isinstance(quorum.data, int) and quorum.data > max(1, count):
        yield quorum.problem(f"asks for {quorum.data} of {count} witnesses", "name more, or ask for fewer")
