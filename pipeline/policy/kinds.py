"""The kinds of value a policy holds, each with its check and the remedy it tells."""

import re
from typing import Annotated

import panlock_kernel
from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from pipeline.approval.requester import PATH
from pipeline.audit.cosignature import Witness
from pipeline.audit.note import NoteError
from pipeline.policy.jwk import check_public_jwk
from pipeline.policy.problems import quote

MINUTE, DAY = 60_000, 86_400_000  # ms
EXPIRES_LIMIT = 90 * DAY
RETENTION_LIMIT = 400 * DAY

_NAME = re.compile(r"[a-z0-9-]{1,64}")
_COMMON_NAME = re.compile(r"[A-Za-z0-9._@-]{1,64}")  # X.520's upper bound; nothing that a DN would escape
_SPIFFE = re.compile(r"spiffe://[a-z0-9._-]+(/[A-Za-z0-9._-]+)+")
_SUBJECT = re.compile(r"[!-~]{1,255}")  # OpenID Connect Core 1.0, 2; a space would be trimmed by Kafka
_KEY_ID = re.compile(r"[a-z0-9]{1,16}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")  # beside the policy: whoever fetches one writes nowhere else
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
_ISSUER = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~%-]+)*/?")
_CLIENT_ID = re.compile(r"[A-Za-z0-9._:/-]{1,128}")
_CLAIM = re.compile(r"[A-Za-z0-9._:/-]{1,64}")
_DURATION = re.compile(r"([1-9][0-9]{0,9})(ms|s|m|h|d)")
DURATION_UNITS = {"ms": 1, "s": 1_000, "m": MINUTE, "h": 60 * MINUTE, "d": DAY}
_RULE_REMEDY = (
    "write a condition over record, key, headers, principal and findings, "
    "as has(record.amount) && record.amount > 5000.0"
)
# Whom an operator or the policy refuses, by kind, and how each is written
DENIED = {
    "certificate": re.compile(r"[0-9a-f]{64}"),
    "serial": re.compile(r"[1-9a-f][0-9a-f]{0,39}"),  # RFC 5280: at most 20 bytes
    "principal": _NAME,
    "person": re.compile(r"\S{1,254}"),
    "key": re.compile(r"[A-Za-z0-9_-]{43}"),  # RFC 7638, SHA-256
}
_DENIED_REMEDY = {
    "certificate": "write its x5t#S256, 64 digits of 0-9 and a-f (actor.certificate in the audit)",
    "serial": "write it in hexadecimal, a-f in small letters, without leading zeros or colons",
    "key": "write its RFC 7638 thumbprint, 43 characters (actor.key in the audit)",
}
OWN_TOPICS = ("quarantine.", "panlock.", "__")


def wrong(what: str, remedy: str) -> PydanticCustomError:
    """A problem in the form that pydantic collects with its place."""
    return PydanticCustomError("panlock", "{what}; {remedy}", {"what": what, "remedy": remedy})


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise wrong(f"{quote(text)} is no name", "use 1 to 64 of a-z, 0-9 and -")
    return text


def _key_id(text: str) -> str:
    if not _KEY_ID.fullmatch(text):
        raise wrong(f"{quote(text)} is no key id", "use 1 to 16 of a-z and 0-9, as in the worker's token_keys")
    return text


def _denied(kind: str) -> AfterValidator:
    def check(text: str) -> str:
        if not DENIED[kind].fullmatch(text):
            raise wrong(f"{quote(text)} is no {kind}", _DENIED_REMEDY[kind])
        return text

    return AfterValidator(check)


def _common_name(text: str) -> str:
    if not _COMMON_NAME.fullmatch(text):
        raise wrong(f"{quote(text)} is no certificate's CN", "use 1 to 64 letters, digits and . _ @ -")
    return text


def _person(text: str) -> str:
    if not text or len(text) > 254 or not text.isprintable() or any(char.isspace() for char in text):
        raise wrong(f"{quote(text)} names no person", "use the identity provider's name, as ana@pay.example")
    return text


def _spiffe(text: str) -> str:
    if not _SPIFFE.fullmatch(text) or len(text) > 2048:
        raise wrong(f"{quote(text)} is no SPIFFE id", "write spiffe://<trust domain>/<path>, as in its certificate")
    return text


def _subject(text: str) -> str:
    if not _SUBJECT.fullmatch(text):
        raise wrong(
            f"{quote(text)} is no subject", "write `sub` as its tokens have it: 1 to 255 ASCII characters, no space"
        )
    return text


def _topic(text: str) -> str:
    if not _TOPIC.fullmatch(text) or text in (".", ".."):
        raise wrong(f"{quote(text)} is no topic name", "use 1 to 249 letters, digits and . _ -")
    if text.startswith(OWN_TOPICS):
        raise wrong(f"{quote(text)} is Panlock's or Kafka's own", f"begin it with none of {' '.join(OWN_TOPICS)}")
    return text


def _file_name(text: str) -> str:
    if not _FILE.fullmatch(text):
        raise wrong(f"{quote(text)} is no file beside the policy", "name a file in the policy's directory, as ca.pem")
    return text


def _said(text: str) -> str:
    if not text.strip() or len(text) > 500:
        raise wrong("says nothing or too much", "tell approvers in 1 to 500 characters why they are asked")
    return text


def _issuer_url(text: str) -> str:
    if not _ISSUER.fullmatch(text) or len(text) > 255:
        raise wrong(
            f"{quote(text)} is no issuer", "write its URL as its tokens have it in `iss`: https, no query, no fragment"
        )
    return text


def _client_id(text: str) -> str:
    if not _CLIENT_ID.fullmatch(text):
        raise wrong(f"{quote(text)} is no client id", "use 1 to 128 letters, digits and . _ : / - as at the issuer")
    return text


def _claim(text: str) -> str:
    if not _CLAIM.fullmatch(text):
        raise wrong(f"{quote(text)} is no claim", "use 1 to 64 letters, digits and . _ : / -")
    return text


def _requester(text: str) -> str:
    if text != "none" and not PATH.fullmatch(text):
        raise wrong(
            f"{quote(text)} is no path to one member",
            "write where records say who asked, as $.requested_by, or `none` with a `requester_reason`",
        )
    return text


def milliseconds_of(value: object) -> int | None:
    """`4h` in milliseconds; None for what is no duration."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return None if match is None else int(match[1]) * DURATION_UNITS[match[2]]


def duration(milliseconds: int) -> str:
    """The shortest way to write it: `4h`."""
    unit = next(name for name, size in reversed(DURATION_UNITS.items()) if milliseconds % size == 0)
    return f"{milliseconds // DURATION_UNITS[unit]}{unit}"


def _milliseconds(value: object) -> object:
    milliseconds = milliseconds_of(value)
    if milliseconds is None:
        raise wrong(f"{quote(value)} is no duration", "write a whole number and ms, s, m, h or d, as 8s, 15m, 4h or 2d")
    return milliseconds


def _within(low: int, high: int, remedy: str) -> AfterValidator:
    def check(milliseconds: int) -> int:
        if not low <= milliseconds <= high:
            raise wrong("is too short or too long", remedy)
        return milliseconds

    return AfterValidator(check)


def _field_path(text: str) -> str:
    try:
        panlock_kernel.check_path(text)
    except ValueError as error:
        raise wrong(f"{quote(text)} is no path: {error}", "write $.card.number, $.items[*].pan or $..pan") from None
    return text


def _rule(text: str) -> str:
    try:
        panlock_kernel.check_rule(text)
    except ValueError as error:
        raise wrong(f"does not compile as CEL: {error}", _RULE_REMEDY) from None
    return text


def _public_key(value: object) -> object:
    try:
        check_public_jwk(value)
    except ValueError as error:
        raise wrong(f"is no public key: {error}", "give a public JWK: OKP with Ed25519, or EC with P-256") from None
    return value


def _audit_key(jwk: dict[str, str]) -> dict[str, str]:
    if jwk["kty"] != "OKP":
        raise wrong("is no key for the audit", "give the line that `panlock audit key` printed: OKP with Ed25519")
    return jwk


def _witness_key(text: str) -> str:
    try:
        Witness.parse(text)
    except NoteError as error:
        raise wrong(str(error), "give the line of a cosignature/v1 key that the witness's operator publishes") from None
    return text


def _person_key(value: object) -> object:
    """A public key, and whether it is held in hardware."""
    if not isinstance(value, dict) or "hardware" not in value:
        return _public_key(value)
    if value["hardware"] is not True:
        raise wrong("hardware is not true", "write `hardware: true` for a key that cannot leave its device, or nothing")
    _public_key({name: part for name, part in value.items() if name != "hardware"})
    return value


def _written(pattern: re.Pattern[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern.pattern}$"})


Name = Annotated[str, AfterValidator(_name), _written(_NAME)]
KeyId = Annotated[str, AfterValidator(_key_id), _written(_KEY_ID)]
X5t = Annotated[str, _denied("certificate"), _written(DENIED["certificate"])]
Serial = Annotated[str, _denied("serial"), _written(DENIED["serial"])]
Thumbprint = Annotated[str, _denied("key"), _written(DENIED["key"])]
CommonName = Annotated[str, AfterValidator(_common_name), _written(_COMMON_NAME)]
PersonId = Annotated[str, AfterValidator(_person)]
SpiffeId = Annotated[str, AfterValidator(_spiffe), _written(_SPIFFE)]
Subject = Annotated[str, AfterValidator(_subject), _written(_SUBJECT)]
TopicName = Annotated[str, AfterValidator(_topic), _written(_TOPIC)]
IssuerUrl = Annotated[str, AfterValidator(_issuer_url), _written(_ISSUER)]
ClientId = Annotated[str, AfterValidator(_client_id), _written(_CLIENT_ID)]
ClaimName = Annotated[str, AfterValidator(_claim), _written(_CLAIM)]
RequesterPath = Annotated[str, AfterValidator(_requester)]
MaxAge = Annotated[int, BeforeValidator(_milliseconds), _written(_DURATION), _within(MINUTE, DAY // 2, "1m to 12h")]
Said = Annotated[str, AfterValidator(_said)]
FieldPath = Annotated[str, AfterValidator(_field_path)]
Rule = Annotated[str, AfterValidator(_rule)]
PublicJwk = Annotated[dict[str, str], BeforeValidator(_public_key)]
PersonJwk = Annotated[dict[str, str | bool], BeforeValidator(_person_key)]
AuditJwk = Annotated[PublicJwk, AfterValidator(_audit_key)]
WitnessKey = Annotated[str, AfterValidator(_witness_key)]
Duration = Annotated[int, BeforeValidator(_milliseconds), _written(_DURATION)]
Expiry = Annotated[Duration, _within(1_000, EXPIRES_LIMIT, "1s to 90d")]
Window = Annotated[Duration, _within(2 * MINUTE, DAY, "2m to 1d, and no less than producers' delivery.timeout.ms")]
FileName = Annotated[str, AfterValidator(_file_name), _written(_FILE)]
Retention = Annotated[Duration, _within(60 * MINUTE, RETENTION_LIMIT, "1h to 400d")]
