"""Growths seen through signal gaps, spikes and codes half a millimetre wide."""

from pathlib import Path

import pytest

from service.scoring.judging import judge
from service.scoring.simulated import recorded
from service.scoring.suites import cases_of, read_suite
from service.scoring.watching import watch

SUITE = Path(__file__).parents[2] / "config" / "suites" / "growth.yaml"


@pytest.mark.parametrize(
    "seed",
    [
        2,  # codes of 0.63 mmHg, told when they change; what was seen in them came and went as gas
        3,  # codes of 0.4 mmHg, told when they change
    ],
)
def test_a_growth_in_wide_codes_is_found_within_two_days_and_stands(seed):
    name = f"degraded-medium-{seed}"
    (case,) = (c for c in cases_of(read_suite(SUITE), seed + 1, ["degraded"]) if c.name == name)
    judged = judge(watch(recorded(case), name))
    assert judged.findings[0].delay_s is not None
    assert judged.findings[0].delay_s < 2 * 86400.0
    assert judged.early == 0
    assert judged.false_s == ()
