"""What bench.identity measures: whole chunks that verify, one signature for each batch."""

import pytest

from bench import identity
from bench.signing import ALGORITHMS
from pipeline.identity.envelope import ENVELOPE, parse


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("seal", ["clear", "sealed"])
def test_every_record_verifies_and_batches_share_a_signature(algorithm: str, seal: str) -> None:
    some = identity.chunks(algorithm, seal == "sealed", 64)
    assert [len(chunk) for chunk in some] == [identity.CHUNK] * identity.CHUNKS
    signatures = {parse(dict(record.headers)[ENVELOPE] or b"").signature for chunk in some for record in chunk}
    assert len(signatures) == identity.CHUNK * identity.CHUNKS / 64
    assert identity.rate((algorithm, seal, 64), some, seconds=0.001) > 0


def test_a_record_that_does_not_verify_ends_the_measurement() -> None:
    some = identity.chunks("ed25519", False, 64)
    some[1][5] = some[1][5]._replace(value=b"{}")
    with pytest.raises(RuntimeError, match="signature-invalid"):
        identity.rate(("ed25519", "clear", 64), some, seconds=0.001)


def test_the_ratio_is_that_of_batches_of_64_to_single_signatures() -> None:
    medians = {(identity.HEADLINE, "clear", 1): 10.0, (identity.HEADLINE, "clear", 64): 250.0}
    assert identity.ratios(medians)["batched/single"] == 25.0
    assert identity.report(medians) == {identity.HEADLINE: {"clear": {"1": 10, "64": 250}}}


def test_the_engines_ratios_are_to_records_without_signatures() -> None:
    engine = {"unsigned": {"records_per_second": 100}, "signed": {"records_per_second": 80}}
    rates: dict[str, dict[str, object]] = {**engine, "sealed": {"records_per_second": 50}}  # type: ignore[dict-item]
    assert identity.engine_ratios(rates) == {"signed/unsigned": 0.8, "sealed/unsigned": 0.5}
