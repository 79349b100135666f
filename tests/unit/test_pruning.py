"""Asking a group's coordinator, which a broker that has just started is not yet."""

from concurrent.futures import Future

import pytest
from confluent_kafka import KafkaError, KafkaException

from deploy.admin import KafkaRefusedError
from deploy.pruning import coordinated


def answers(*codes: int | None) -> list[dict[str, "Future[str]"]]:
    found = []
    for code in codes:
        future: Future[str] = Future()
        if code is None:
            future.set_result("its offsets")
        else:
            future.set_exception(KafkaException(KafkaError(code)))
        found.append({"panlock": future})
    return found


def test_a_coordinator_that_still_loads_is_asked_again() -> None:
    loading = answers(KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.NOT_COORDINATOR, None)
    assert coordinated("look", lambda: loading.pop(0)) == "its offsets"
    assert not loading


def test_any_other_refusal_is_told_at_once() -> None:
    refused = answers(KafkaError.INVALID_GROUP_ID, None)
    with pytest.raises(KafkaRefusedError):
        coordinated("look", lambda: refused.pop(0))
    assert len(refused) == 1
