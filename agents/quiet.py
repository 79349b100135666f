"""A worker's log while its brokers are away: each of aiokafka's complaints once in a while, and how often it came."""

import logging
import time

EVERY = 10.0  # seconds; without it, some 800 lines a second as long as a broker is down


class Once(logging.Filter):
    """Lets each message of one logger and format pass once in EVERY seconds, counting those between."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now, key = time.monotonic(), (record.name, str(record.msg))
        last, more = self._seen.get(key, (-EVERY, 0))
        if now - last < EVERY:
            self._seen[key] = (last, more + 1)
            return False
        self._seen[key] = (now, 0)
        if more:
            record.msg = f"{record.msg} ({more} more in between)"
        return True


def hush_aiokafka() -> None:
    """Only warnings and errors of aiokafka, and each once in a while. For workers; other commands tell them once."""
    once = Once()
    for name in logging.root.manager.loggerDict:
        if name.startswith("aiokafka"):
            logging.getLogger(name).addFilter(once)
    for name in ("aiokafka", "asyncio"):
        logging.getLogger(name).propagate = True
    logging.getLogger("aiokafka").setLevel(logging.WARNING)  # INFO tells of every restore's subscription
