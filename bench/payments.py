"""The input of every benchmark: JSON payments of 1 KB, each with a card number, written fast or at a given rate."""

import asyncio
import json
import random
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle

from aiokafka import AIOKafkaProducer

SIZE = 1000  # bytes of a value
SHORT = 400  # bytes of one that has neither merchant nor lines
DIFFERENT = 2000  # payments, repeated
BATCH = 512 << 10  # bytes
TICK = 0.005  # seconds between sends at a given rate

_WORDS = ("delivery", "invoice", "parcel", "standard", "express", "gift", "order", "basket", "voucher", "lamp")


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach the cluster: PEM files of one identity."""

    bootstrap: str
    ca: str
    certificate: str
    key: str

    def aiokafka(self) -> dict[str, object]:
        context = ssl.create_default_context(cafile=self.ca)
        context.load_cert_chain(self.certificate, self.key)
        return {"bootstrap_servers": self.bootstrap, "security_protocol": "SSL", "ssl_context": context}

    def librdkafka(self) -> dict[str, str | int | float | bool | None]:
        return {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": "SSL",
            "ssl.ca.location": self.ca,
            "ssl.certificate.location": self.certificate,
            "ssl.key.location": self.key,
            "log_level": 2,  # clients that are kept would tell of the broker's end, each of them, on standard error
        }


def payments(size: int = SIZE, type_: str = "payment", amount: float = 0.0) -> list[bytes]:
    """DIFFERENT payments (fewer of large ones) of `size` bytes, at least 200, of at least `amount`; always the same."""
    chance = random.Random(1)
    return [_payment(chance, number, size, type_, amount) for number in range(min(DIFFERENT, 1 + (8 << 20) // size))]


def _payment(chance: random.Random, number: int, size: int, type_: str, amount: float) -> bytes:
    lines: list[dict[str, object]] = []
    payment: dict[str, object] = {
        "type": type_,
        "id": f"pay-{number:06d}-{chance.choice(_WORDS)}",
        "amount": round(amount + chance.uniform(1, 400), 2),
        "currency": "EUR",
        "card": {"number": _card_number(chance), "expiry": "11/29", "holder": "Ada Example"},
    }
    if size > SHORT:
        merchant = {"name": "Example Books", "city": "Utrecht", "category": chance.choice(_WORDS)}
        payment |= {"merchant": merchant, "lines": lines}
    room = size - 150 - len(_bytes(payment))
    while size > SHORT and room > 0:
        text = " ".join(chance.choices(_WORDS, k=6))
        lines.append({"text": text, "count": chance.randint(1, 9), "price": round(chance.uniform(1, 90), 2)})
        room -= len(_bytes(lines[-1])) + (len(lines) > 1)
    payment["note"] = ""
    payment["note"] = ("thank you " * 100)[: size - len(_bytes(payment))]
    return _bytes(payment)


def _bytes(payment: dict[str, object]) -> bytes:
    return json.dumps(payment, separators=(",", ":")).encode()


def _card_number(chance: random.Random) -> str:
    digits = [4, 1, 1, 1, 1, 1, *(chance.randint(0, 9) for _ in range(9))]
    total = sum(d if place % 2 else (2 * d if d < 5 else 2 * d - 9) for place, d in enumerate(digits))
    return "".join(map(str, digits)) + str(-total % 10)


def letters(number: int) -> bytes:
    """A number as a key that no scan takes for a card number; the same length for 64 bits."""
    return f"{number:016x}".translate(_LETTERS).encode()


def from_letters(key: bytes) -> int:
    return int(key.decode().translate(_DIGITS), 16)


_LETTERS = str.maketrans("0123456789", "ghijklmnop")
_DIGITS = str.maketrans("ghijklmnop", "0123456789")


async def preload(access: Access, topic: str, partitions: int, count: int, some: Sequence[bytes] | None = None) -> None:
    """Write `count` payments, or of `some` values, the same number to each partition."""
    values: Iterator[bytes] = cycle(some or payments())
    async with AIOKafkaProducer(max_batch_size=BATCH, linger_ms=0, **access.aiokafka()) as producer:
        for partition in range(partitions):
            left, waiting = count // partitions, []
            while left:
                batch = producer.create_batch()
                while left and batch.append(key=letters(left), value=next(values), timestamp=None) is not None:
                    left -= 1
                batch.close()
                waiting.append(await producer.send_batch(batch, topic, partition=partition))
            await asyncio.gather(*waiting)


async def paced(access: Access, topic: str, partitions: int, rate: float, seconds: float) -> int:
    """Write at `rate` records/s for `seconds`; keys carry the moment of the send. Returns how many were written."""
    values: Iterator[bytes] = cycle(payments())
    turn, sent, waiting = cycle(range(partitions)), 0, set()
    async with AIOKafkaProducer(max_batch_size=BATCH, linger_ms=0, **access.aiokafka()) as producer:
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            due = int(passed * rate) - sent
            for partition in [next(turn) for _ in range(min(due, partitions))]:
                batch, part = producer.create_batch(), -(-due // partitions)
                for _ in range(min(part, due)):
                    batch.append(key=letters(time.time_ns()), value=next(values), timestamp=None)
                    sent += 1
                batch.close()
                delivery = await producer.send_batch(batch, topic, partition=partition)
                waiting.add(delivery)
                delivery.add_done_callback(waiting.discard)
            await asyncio.sleep(TICK)
        await asyncio.gather(*waiting)
    return sent
