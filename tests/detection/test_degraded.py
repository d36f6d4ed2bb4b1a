"""A growth seen through signal gaps, spikes and codes half a millimetre wide."""

from dataclasses import replace

import pytest

from service.scoring.judging import judge
from service.scoring.simulated import recorded
from service.scoring.watching import watch
from tests.detection.cases import case_of

pytestmark = pytest.mark.slow


def test_a_growth_in_wide_codes_is_found_within_two_days_and_stands():
    """Codes of 0.63 mmHg, told when they change, until four days after it began."""
    case = case_of("degraded", "medium", 2)
    short = replace(case, tree={**case.tree, "end": {"after": "change", "hours": 96}})
    judged = judge(watch(recorded(short), case.name))
    assert judged.findings[0].delay_s is not None
    assert judged.findings[0].delay_s < 2 * 86400.0
    assert judged.early == 0
    assert judged.false_s == ()
