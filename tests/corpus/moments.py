"""Times, measurements, network addresses and versions."""

import random
from datetime import UTC, datetime, timedelta

from tests.corpus.identifiers import Kinds, any_digits


def moment(chance: random.Random) -> datetime:
    return datetime(2026, 11, 24, tzinfo=UTC) - timedelta(
        seconds=chance.randrange(4 * 10**8), microseconds=-chance.randrange(10**6)
    )


def epoch(digits: int, chance: random.Random) -> str:
    return str(int(moment(chance).timestamp())) + any_digits(chance, digits)


def iso(chance: random.Random) -> str:
    at = moment(chance)
    return chance.choice(
        [at.isoformat(), at.isoformat(" "), at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), at.strftime("%d.%m.%Y %H:%M:%S")]
    )


def compact(chance: random.Random) -> str:
    at = moment(chance)
    form = chance.choice(
        [
            "%Y%m%d%H%M%S",
            "%Y%m%d%H%M%S%f",
            "%Y%m%d %H%M%S",
            "%Y-%m-%d-%H-%M-%S-%f",
            "%Y/%m/%d %H.%M.%S.%f",
            "%Y%m%d-%H%M%S-%f",
        ]
    )
    return at.strftime(form)


def dates(chance: random.Random) -> str:
    form = chance.choice(["%d.%m.%Y", "%Y-%m-%d", "%m/%d/%Y", "%d-%m-%Y", "%Y%m%d"])
    return chance.choice([" ", " - ", "/", " – ", "\n"]).join(
        moment(chance).strftime(form) for _ in range(chance.choice([2, 2, 3]))
    )


def expiries(chance: random.Random) -> str:
    return " ".join(moment(chance).strftime(chance.choice(["%m/%y", "%m/%Y", "%y%m"])) for _ in range(4))


def fraction(chance: random.Random) -> str:
    return repr(chance.choice([chance.random(), chance.random() * 100, chance.gauss(0, 1), chance.random() * 1e6]))


def big_float(chance: random.Random) -> str:
    """Seventeen digits: as a float of a sum or of a 53-bit number is printed."""
    return repr(chance.random() * 10 ** chance.choice([12, 13, 14, 15, 16]))


def coordinates(chance: random.Random) -> str:
    digits = chance.choice([4, 6, 7])
    return (
        f"{chance.uniform(-90, 90):.{digits}f}{chance.choice([', ', ' ', ','])}{chance.uniform(-180, 180):.{digits}f}"
    )


def ipv4(chance: random.Random) -> str:
    def one() -> str:
        return ".".join(str(chance.randrange(256)) for _ in range(4))

    form = chance.choice(["{0}", "{0}:{2}", "{0} {1}", "{0} - {1}", "{0}/24", "{0}, {1}", "{0}_{1}"])
    return form.format(one(), one(), chance.randrange(1024, 65536))


def long_ipv4(chance: random.Random) -> str:
    return ".".join(str(chance.randrange(100, 256)) for _ in range(4)) + chance.choice(["", ":8080", "/32", " 8443"])


def ipv6(chance: random.Random) -> str:
    return ":".join(f"{chance.randrange(1 << 16):x}" for _ in range(8))


def mac(chance: random.Random) -> str:
    return chance.choice([":", "-"]).join(f"{chance.randrange(256):02x}" for _ in range(6))


def version(chance: random.Random) -> str:
    count = chance.choice([3, 4, 4, 5])
    text = ".".join(str(chance.randrange(10 ** chance.choice([1, 2, 4, 5]))) for _ in range(count))
    return (
        chance.choice(["", "v", ""])
        + text
        + chance.choice(["", f"-{chance.randrange(10**4)}", f"+{moment(chance):%Y%m%d}"])
    )


def series(chance: random.Random) -> str:
    return chance.choice([" ", " / ", "\n", " - "]).join(
        f"{chance.uniform(1, 9999):.2f}" for _ in range(chance.choice([3, 4, 6]))
    )


STRINGS: Kinds = {
    "time-s": (lambda chance: epoch(0, chance), "timestamp ts created_at", "at {}"),
    "time-ms": (lambda chance: epoch(3, chance), "timestamp ts createdAt event_time", "at {}"),
    "time-us": (lambda chance: epoch(6, chance), "timestamp ts_us time", "at {}"),
    "time-ns": (lambda chance: epoch(9, chance), "timestamp ts_ns time_unix_nano", "at {}"),
    "date-time": (iso, "timestamp created_at date time", "on {}"),
    "date-time-compact": (compact, "timestamp local_time TransmissionDateTime", "on {}"),
    "dates": (dates, "period valid range", "from {}"),
    "expiries": (expiries, "expiries months", "months {}"),
    "float": (fraction, "score rate", "score {}"),
    "coordinates": (coordinates, "location geo latlon", "at {}"),
    "ipv4": (ipv4, "ip client_ip host", "from {}"),
    "ipv4-long": (long_ipv4, "ip client_ip host", "from {}"),
    "ipv6": (ipv6, "ip address", "from {}"),
    "mac": (mac, "mac hwaddr", "device {}"),
    "version": (version, "version build release", "version {}"),
    "amounts": (series, "amounts prices", "prices {}"),
}
NUMBERS: Kinds = {
    "time-ms-integer": (lambda chance: epoch(3, chance), "timestamp ts createdAt", ""),
    "time-us-integer": (lambda chance: epoch(6, chance), "timestamp ts_us time", ""),
    "time-ns-integer": (lambda chance: epoch(9, chance), "timestamp ts_ns time", ""),
    "float-number": (fraction, "score rate weight", ""),
    "float-big": (big_float, "total volume sum", ""),
    "amount": (lambda chance: f"{chance.uniform(0, 10**6):.2f}", "amount total", ""),
}
