"""`panlock scan`: what is sensitive in NDJSON, without a policy and without Kafka.

One line out for each line in, malformed and empty ones too, in order and as soon as they come. No digit that was found
is printed.
"""

import sys
from collections.abc import Iterator
from io import BufferedReader
from typing import cast

import orjson

from cli.mask import batches
from cli.output import JsonOption, plain, show, write
from pipeline.masking.scan import scan as scan_value


def scan(as_json: JsonOption = False) -> None:
    """Scan NDJSON from stdin: card numbers, sensitive authentication data, IBANs. Nothing leaves this process."""
    number = 0
    for lines in batches(cast(BufferedReader, sys.stdin.buffer)):
        if as_json:
            write(b"".join(scan_value(line) + b"\n" for line in lines))
            sys.stdout.flush()
        else:
            for told in sentences(lines, number):
                show(plain(told))
        number += len(lines)


def sentences(lines: list[bytes], before: int) -> Iterator[str]:
    """For people: a sentence for each finding and each line that is no JSON. `before`: lines that came earlier."""
    for number, line in enumerate(lines, before + 1):
        result = orjson.loads(scan_value(line))
        if "error" in result:
            yield f"line {number}: {result['error']}"
        for each in result["findings"]:
            what = " ".join(filter(None, (each["class"], each["network"])))
            yield f"line {number}: {what} at {each['path']}, characters {each['start']} to {each['end']}"
