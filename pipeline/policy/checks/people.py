"""People and owners that must not stand for two."""

from collections.abc import Iterator

import orjson

from pipeline.policy.document import Cursor
from pipeline.policy.problems import Problem, quote


def check_keys(root: Cursor) -> Iterator[Problem]:
    """A key names one person, or one duty in the audit: two with the same key would count as two and be one."""
    owner: dict[bytes, str] = {}
    holders = [(name, person.at("keys")) for name, person in root.at("people").members()]
    holders += [(f"audit.{kind}", keys) for kind, keys in root.at("audit").members()]
    for name, keys in holders:
        for key in keys.elements():
            if not isinstance(key.data, dict):
                continue
            public = orjson.dumps([key.data.get(part) for part in ("kty", "crv", "x", "y")])
            if public in owner:
                yield key.problem(f"is also a key of {quote(owner[public])}", "let each make a key of their own")
            owner.setdefault(public, name)


def check_break_glass(root: Cursor) -> Iterator[Problem]:
    """Two people must be able to break glass, and a third to review it; roles of issuers' groups nobody can count."""
    place, people = root.at("break_glass"), dict(root.at("people").members())
    if not place.data:
        return
    roles, reviewing = set(place.at("roles").texts()), set(place.at("reviewers").texts())
    able = {
        name
        for name, each in people.items()
        if roles & set(each.at("roles").texts())
        and any(isinstance(key.data, dict) and key.data.get("hardware") is True for key in each.at("keys").elements())
    }
    if roles and len(able) < 2:
        yield place.at("roles").problem(
            f"takes two people with a key that is `hardware: true`, and {len(able)} have one of these roles",
            "give the role to people, and mark their hardware-held keys",
        )
    reviewers = {name for name, each in people.items() if reviewing & set(each.at("roles").texts())}
    if reviewing and not root.at("issuers").data and len(reviewers) < 1 + min(2, len(reviewers & able)):
        yield place.at("reviewers").problem(
            "leaves nobody to review what two of its own people have released", "give the role to somebody else, too"
        )


def check_owners(root: Cursor) -> Iterator[Problem]:
    """An owner spelt otherwise than the person would be free to approve."""
    people = {name.casefold(): name for name, _ in root.at("people").members()}
    for _, principal in root.at("principals").members():
        for owner in principal.at("owners").elements():
            person = people.get((owner.text or "").casefold())
            if person is not None and person != owner.text:
                yield owner.problem(f"{quote(owner.text)} is spelt {quote(person)} under people", "spell both the same")
    spelt: dict[str, str] = {}
    for name, person_at in root.at("people").members():
        if name.casefold() in spelt:
            yield person_at.problem(f"is {quote(spelt[name.casefold()])} in another spelling", "keep one")
        spelt.setdefault(name.casefold(), name)
