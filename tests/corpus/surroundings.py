"""What stands around a number: a member's name, a sentence, a log line, a form, other members."""

import json
import random
from typing import NamedTuple

from tests.corpus.spelled import Spelled, around

TELLING = [
    "pan", "PAN", "card_number", "cardNumber", "card-number", "CardNo", "primaryAccountNumber",
    "primary_account_number",
    "acct", "cc", "ccnum", "cc_number", "creditCard", "credit_card_number", "debitCardNumber", "accountNumber", "card",
    "payment_card", "pan_clear", "customerCard", "CARD_NUM", "number",
]  # fmt: skip
NEUTRAL = [
    "note", "text", "value", "data", "field1", "memo", "description", "body", "content", "comment", "details", "info",
    "msg", "payload", "remark", "v", "x", "message", "free_text", "line", "extra", "input", "attr7",
]  # fmt: skip
WITH_WORD = [
    "please charge my card {} today", "Card number: {}", "credit card {} expired", "PAN={}",
    "the customer's Visa is {}, ok",
    "declined: card {} (insufficient funds)", "cc# {}", "he paid by debit card {}.", "pan: {}; exp: 12/27",
    '<PAN>{}</PAN>', "tarjeta {}", "Kreditkarte {} bitte belasten", "carte bancaire n° {}",
]  # fmt: skip
WITHOUT_WORD = [
    "please use {} for this", "here you go: {}", "{} is mine", "2026-11-24 10:12:33 INFO pay-7 got {} from client",
    "row=[7,Bob,{},EUR]", "1;Bob;{};12/27", "thanks, {}!", "({})", '"{}"', "on {} / 24.11.2026", "call me about {}",
    "10:12:33 {} EUR 12.50", "{} 12/27 123",
    "{} 1227", "qty 2 {}", "7,{},12.50", "id=17&n={}&x=1", "#{}", "Bob {} Berlin", "24.11.2026 {}", "{} +49 30 1234567",
    "amount 12.50 EUR, {}, approved", "it is {}\nbye", "ok {}",
]  # fmt: skip


class Member(NamedTuple):
    """One member of a document. `context`: "telling" | "neutral" name, "word" | "sentence" around it."""

    name: str
    context: str
    content: Spelled


def placed(chance: random.Random, content: Spelled) -> Member:
    """A card number somewhere: three in ten under a telling name, else under a neutral one, in a text or alone."""
    kind = chance.choice(["telling", "telling", "neutral", "neutral", "word", "word", "sentence", "sentence"])
    if content.literal and kind in ("word", "sentence"):
        kind = chance.choice(["telling", "neutral"])
    if kind == "telling":
        return Member(chance.choice(TELLING), kind, content)
    name = chance.choice(NEUTRAL)
    if kind == "neutral":
        return Member(name, kind, content)
    before, behind = chance.choice(WITH_WORD if kind == "word" else WITHOUT_WORD).split("{}")
    return Member(name, kind, around(before, content, behind))


class Document(NamedTuple):
    """`json`: one line of JSON. `path`, `start`, `end`: where in it the number is, in the unescaped string."""

    json: str
    path: str
    start: int
    end: int


def document(chance: random.Random, member: Member) -> Document:
    """The member alone, among harmless ones, deeper, in an array, or its bare value."""
    shape = chance.choice(["alone", "among", "among", "deep", "item", "value"])
    if shape == "value" and member.context == "telling":
        shape = "among"
    raw, name = written(member.content), json.dumps(member.name)
    pair, place = f"{name}:{raw}", step(member.name)
    if shape == "alone":
        text, path = f"{{{pair}}}", f"${place}"
    elif shape == "among":
        others = {"id": f"{chance.randrange(10**6)}", "amount": f"{chance.randrange(10**6) / 100}", "currency": '"EUR"'}
        members = [f'"{other}":{value}' for other, value in others.items() if other != member.name]
        members.insert(chance.randrange(4), pair)
        text, path = "{" + ", ".join(members) + "}", f"${place}"
    elif shape == "deep":
        text, path = f'{{"event":{{"type":"sale","part":{{{pair}}}}}}}', f"$.event.part{place}"
    elif shape == "item":
        text, path = f'{{{name}:["first",{raw},null]}}', f"${place}[1]"
    else:
        text, path = raw, "$"
    return Document(text, path, member.content.start, member.content.end)


def step(name: str) -> str:
    return f".{name}"


def written(content: Spelled) -> str:
    if content.literal:
        return content.text
    if not content.escaped:
        return json.dumps(content.text, ensure_ascii=len(content.text) % 2 == 0)
    inner = "".join(f"\\u{ord(mark):04x}" for mark in content.text[content.start : content.end])
    return '"' + json.dumps(content.text[: content.start])[1:-1] + inner + json.dumps(content.text[content.end :])[1:]
