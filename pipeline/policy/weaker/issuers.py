"""Other issuers that say who people are, or sign-ins that prove less."""

from collections.abc import Iterator

from pipeline.policy.kinds import duration
from pipeline.policy.models import Issuer, Policy
from pipeline.policy.weaker.ranks import Weakening, added, changed, higher, unranked

_WHO = ("issuer", "client_id", "person_claim", "groups_claim")
_RANKED = {*_WHO, "device_client_id", "acr", "max_age_ms", "algorithms"}


def weaker_issuers(old: Policy, new: Policy) -> Iterator[Weakening]:
    for name, issuer in new.issuers.items():
        if name in old.issuers:
            yield from _issuer(f"issuers.{name}", old.issuers[name], issuer)
        else:
            people = "" if issuer.client_id is None else "people are, and which roles they have, and who "
            what = f"{issuer.issuer} may say who {people}producers are"
            yield Weakening("issuer-added", f"issuers.{name}", what)


def _issuer(place: str, old: Issuer, new: Issuer) -> Iterator[Weakening]:
    for key in _WHO:
        yield from changed("issuer-changed", f"{place}.{key}", getattr(old, key), getattr(new, key))
    if new.device_client_id is not None:
        yield from changed("issuer-changed", f"{place}.device_client_id", old.device_client_id, new.device_client_id)
    if old.acr and not new.acr:
        yield Weakening("sign-in-weaker", f"{place}.acr", "any sign-in will do")
    elif old.acr:
        yield from added("sign-in-weaker", f"{place}.acr", old.acr, new.acr, "is a sign-in that will do, too")
    yield from added("sign-in-weaker", f"{place}.algorithms", old.algorithms, new.algorithms, "signs ID tokens, too")
    longer = f"{duration(old.max_age_ms)} becomes {duration(new.max_age_ms)}"
    yield from higher("life-longer", f"{place}.max_age", old.max_age_ms, new.max_age_ms, longer)
    yield from unranked(place, old, new, _RANKED)
