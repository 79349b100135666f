"""Who producers are: one identity each, that no other has."""

from collections.abc import Iterator

from pipeline.policy.document import Cursor
from pipeline.policy.problems import Problem, quote


def check_identities(root: Cursor) -> Iterator[Problem]:
    """A certificate or a client of an issuer, and not both: an event names one."""
    for _, principal in root.at("principals").members():
        spiffe, oidc = principal.at("spiffe"), principal.at("oidc")
        if spiffe.data is None and oidc.data is None:
            yield spiffe.problem("is missing", "add it as the certificate has it, or `oidc` for a client without one")
        if spiffe.data is not None and oidc.data is not None:
            yield oidc.problem("stands beside `spiffe`", "keep one: a client and a certificate are two principals")
        if oidc.data is not None and principal.at("identity").text == "signed":
            yield principal.at("identity").problem(
                "`signed` needs a certificate, and a client of an issuer has none",
                "give it a certificate and `spiffe`, or say broker or header",
            )


def check_spiffe(root: Cursor) -> Iterator[Problem]:
    known: dict[str, str] = {}
    for name, principal in root.at("principals").members():
        place = principal.at("spiffe")
        if place.text is None:
            continue
        if place.text in known:
            yield place.problem(f"is also the SPIFFE id of {quote(known[place.text])}", "each principal has its own")
        known.setdefault(place.text, name)


def check_denied(root: Cursor) -> Iterator[Problem]:
    """A slip in a name would deny nobody."""
    known = {name for name, _ in root.at("principals").members()}
    for place in root.at("denied", "principals").elements():
        if place.text is not None and place.text not in known:
            yield place.problem(f"{quote(place.text)} is no principal", "mend the name, or leave it out")


def check_clients(root: Cursor) -> Iterator[Problem]:
    """A client is one of an issuer of the policy, and one principal."""
    known: dict[tuple[str, str], str] = {}
    issuers = {alias for alias, _ in root.at("issuers").members()}
    for name, principal in root.at("principals").members():
        issuer, subject = principal.at("oidc", "issuer"), principal.at("oidc", "subject")
        if issuer.text is not None and issuer.text not in issuers:
            yield issuer.problem(f"{quote(issuer.text)} is no issuer", "add it under issuers, or mend the name")
        if issuer.text is None or subject.text is None:
            continue
        client = issuer.text, subject.text
        if client in known:
            yield subject.problem(f"is also the subject of {quote(known[client])}", "each principal has its own")
        known.setdefault(client, name)
