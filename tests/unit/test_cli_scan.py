"""`panlock scan`: one answer for each line, in order, and nothing of what was found in it."""

import json
import os
import select
import subprocess
import sys

import pytest

from cli.scan import sentences
from pipeline.masking.scan import scan

PAN = "4111111111111111"
COMMAND = [sys.executable, "-m", "cli", "scan", "--json"]


def run(text: bytes, *words: str) -> list[str]:
    command = [sys.executable, "-m", "cli", "scan", *words]
    return subprocess.run(command, input=text, capture_output=True, check=True).stdout.decode().splitlines()


def findings(value: object) -> list[dict[str, object]]:
    return json.loads(scan(json.dumps(value).encode()))["findings"]


def test_a_card_number_is_told_with_its_path_network_and_characters() -> None:
    told = {"path": "$.card.number", "class": "pan", "network": "visa", "start": 2, "end": 18}
    assert findings({"card": {"number": f"x {PAN}"}}) == [told]


@pytest.mark.parametrize("before", ["é ", "😀 ", '"\\ ', "\n", "\u0000 "], ids=ascii)
def test_places_count_characters_of_the_unescaped_string(before: str) -> None:
    for line in (json.dumps([before + PAN]), json.dumps([before + PAN], ensure_ascii=False)):
        (found,) = json.loads(scan(line.encode()))["findings"]
        assert (found["path"], found["start"], found["end"]) == ("$[0]", len(before), len(before) + 16)


def test_a_number_is_told_by_the_characters_of_its_literal() -> None:
    (found,) = findings({"card_number": int(PAN)})
    assert (found["start"], found["end"]) == (0, 16)


def test_every_line_gets_an_answer_in_its_place() -> None:
    told = [json.loads(line) for line in run(f'"{PAN}"\n\nnonsense\n{{"a":1,"a":2}}\n12'.encode(), "--json")]
    assert [len(each["findings"]) for each in told] == [1, 0, 0, 0, 0]
    assert ["error" in each for each in told] == [False, True, True, True, False]
    assert told[2]["error"].startswith("malformed-json at byte")


def test_for_people_a_sentence_tells_the_line_and_never_the_number() -> None:
    told = list(sentences([b"1", f'{{"card_number":"{PAN}"}}'.encode(), b"{"], 10))
    assert told[0] == "line 12: pan visa at $.card_number, characters 0 to 16"
    assert told[1].startswith("line 13: malformed-json at byte")
    assert PAN not in "".join(run(f'{{"n":"{PAN}","{PAN}":"{PAN}"}}'.encode()))


def test_answers_come_as_the_lines_do() -> None:
    """A program that asks line by line is not left waiting for a batch to fill."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        for number in range(3):
            process.stdin.write(b'{"n":%d}\n' % number)
            process.stdin.flush()
            assert select.select([process.stdout], [], [], 30)[0]
            assert json.loads(process.stdout.readline()) == {"findings": []}
        process.stdin.close()
        assert process.wait(10) == 0
