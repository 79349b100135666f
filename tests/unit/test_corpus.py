"""The corpus is what it says: the same for a seed, well-formed, each number where its truth says, no decoy a card."""

import json
import random
import unicodedata

from tests.corpus.corpus import decoys, pans
from tests.corpus.decoys import DECOYS
from tests.corpus.networks import NETWORKS, card, check_digit
from tests.corpus.reading import texts
from tests.corpus.spellings import BEYOND, SPELLINGS

PLAIN = {name for name in SPELLINGS if not name.startswith(("percent", "entity", "base64", "hex", "json-escapes"))}


def test_a_seed_makes_the_same_lines_and_another_makes_others() -> None:
    assert list(pans(5, 1)) == list(pans(5, 1)) != list(pans(6, 1))
    assert list(decoys(5, 1)) == list(decoys(5, 1)) != list(decoys(6, 1))


def test_every_network_comes_in_every_spelling_and_every_look_alike_is_there() -> None:
    assert {(line.network, line.what) for line in pans(1, 1)} == {
        (n.name, what) for n in NETWORKS for what in SPELLINGS
    }
    assert {line.what for line in decoys(1, 1)} == set(DECOYS)
    assert not set(SPELLINGS) & set(BEYOND)


def test_a_number_stands_where_its_truth_says() -> None:
    for line in pans(2, 2, {**SPELLINGS, **BEYOND}):
        there = dict(texts(line.json))
        text = there[line.truth.path][line.truth.start : line.truth.end]
        assert text
        if line.what in PLAIN:
            digits = "".join(str(unicodedata.decimal(mark)) for mark in text if mark.isdecimal())
            assert len(digits) == line.digits
            assert check_digit(digits[:-1]) == digits[-1]


def test_look_alikes_are_json() -> None:
    for line in decoys(3, 40):
        json.loads(line.json, object_pairs_hook=once)
        assert line.truth is None


def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_a_cards_digits_are_under_a_range_of_its_network() -> None:
    chance = random.Random(4)
    for network in NETWORKS:
        made = card(chance, network).digits
        assert any(low <= made[: len(low)] <= high for low, high in network.ranges)
        assert len(made) in network.lengths
