"""A growth seen through signal gaps, spikes and codes half a millimetre wide."""

from dataclasses import replace
from pathlib import Path

from service.scoring.judging import judge
from service.scoring.simulated import recorded
from service.scoring.suites import cases_of, read_suite
from service.scoring.watching import watch

SUITE = Path(__file__).parents[2] / "config" / "suites" / "growth.yaml"
NAME = "degraded-medium-2"  # codes of 0.63 mmHg, told when they change


def test_a_growth_in_wide_codes_is_found_within_two_days_and_stands():
    """It is looked at until four days after it began."""
    (case,) = (c for c in cases_of(read_suite(SUITE), 3, ["degraded"]) if c.name == NAME)
    short = replace(case, tree={**case.tree, "end": {"after": "change", "hours": 96}})
    judged = judge(watch(recorded(short), NAME))
    assert judged.findings[0].delay_s is not None
    assert judged.findings[0].delay_s < 2 * 86400.0
    assert judged.early == 0
    assert judged.false_s == ()
