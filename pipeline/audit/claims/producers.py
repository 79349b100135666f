"""Who wrote the record: the envelope of a signed one, without its salt; of others, whose topic it came in."""

from base64 import b64decode, urlsafe_b64decode
from collections.abc import Sequence

from cryptography import x509

from pipeline.audit.claims.material import Claim, Event, Material, NotProvenError, member
from pipeline.audit.events import EventType
from pipeline.identity.certificates import Certificate, CertificateError, check_chain, parse_certificate
from pipeline.identity.envelope import Envelope, EnvelopeError, Place, parse
from pipeline.identity.signature import verify_envelope
from pipeline.policy.bundle import Bundle
from pipeline.policy.topics import UnknownTopicError, owner_of
from pipeline.record import RecordId

_OUTCOMES = EventType.RECORD_RELEASED, EventType.RECORD_HELD, EventType.RECORD_REJECTED


def written(material: Material) -> list[Claim]:
    """Raises NotProvenError."""
    return [claim for event in material.of_type(*_OUTCOMES) for claim in _written(event, material)]


def _written(event: Event, material: Material) -> list[Claim]:
    principal = str(member(event, "actor", "principal"))
    if "envelope" not in event:
        by = f"the brokers, who let {principal} alone write to its topic; no producer's signature"
        return [Claim(event["id"], f"written by {principal}", by, False)]
    bundle, place = material.bundle(event), RecordId.parse(material.record)
    try:
        owner = owner_of(bundle.policy, place.topic)[1]
        envelope, content = parse(b64decode(event["envelope"], validate=True)), bytes.fromhex(event["content"])
    except (UnknownTopicError, EnvelopeError, ValueError) as error:
        raise _not(event, str(error)) from error
    if owner != principal:
        raise _not(event, f"{place.topic} is {owner}'s, and the event names {principal}")
    chain = material.chain(event, str(member(event, "actor", "certificate")))
    certificate, issuer = _certificate(event, chain, bundle, envelope, principal)
    places = [
        Place(material.cluster, urlsafe_b64decode(each + "=="), place.partition)
        for each in material.topic_ids(place.topic)
    ]
    if not places:
        raise _not(event, f"the proof lacks a lane.opened that tells the UUID of {place.topic}")
    if all(verify_envelope(envelope, certificate, each, principal, content) is not None for each in places):
        raise _not(event, "the envelope is not a signature by this certificate over this content, topic and partition")
    x5t = certificate.x5t.hex()[:16]
    return [
        Claim(event["id"], f"{principal} signed content {event['content'][:16]}…", f"certificate {x5t}…", True),
        Claim(event["id"], f"certificate {x5t}… is {principal}'s", *issuer),
    ]


def _certificate(
    event: Event, chain: Sequence[bytes], bundle: Bundle, envelope: Envelope, principal: str
) -> tuple[Certificate, tuple[str, bool]]:
    """And who issued it: a CA of the policy, or one that the policy does not name."""
    named = [root for pem in bundle.policy.authority_pems.values() for root in x509.load_pem_x509_certificates(pem)]
    try:
        roots = named or [parse_certificate(chain[-1])]
    except (CertificateError, IndexError) as error:
        raise _not(event, f"its certificate's chain: {error}") from error
    window = _window(bundle, event)
    times = (envelope.head.time + by for by in (0, -window, window))  # the broker's time is that near
    found = next((each for at in times if isinstance(each := check_chain(chain, roots, at), Certificate)), None)
    owner = bundle.policy.principals.get(principal)
    if found is None:
        raise _not(event, "the certificate's chain does not lead to an authority of the policy, or was not valid then")
    if owner is None or (found.principal, found.spiffe) != (principal, owner.spiffe):
        raise _not(event, f"the certificate is not that of {principal} in the policy")
    if not named:
        return found, ("a worker: the policy names no authorities, and the proof has no CA to lead to", False)
    return found, (f"an authority of policy {bundle.policy.hash[:16]}…", True)


def _window(bundle: Bundle, event: Event) -> int:
    """How far (ms) the producer's clock may be from the broker's."""
    flow, _ = owner_of(bundle.policy, RecordId.parse(event["resource"]["record"]).topic)
    return bundle.policy.flows[flow].window_ms


def _not(event: Event, why: str) -> NotProvenError:
    return NotProvenError(f"event {event['id']}: {why}")
