"""Leaks that are mended, on stations drawn by seed: the alert ends once the air shows it."""

import pytest

from service.scoring.judging import judge
from service.scoring.simulated import recorded
from service.scoring.watching import watch
from tests.detection.cases import case_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "seed",
    [
        1,  # nobody measures oxygen, so that what is lost unseen hides how much leaks at all
        2,  # mended some hours after it was found, while its size was hardly known
    ],
)
def test_the_alert_of_a_leak_that_is_mended_ends_within_a_week(seed):
    case = case_of("repair", "medium", seed)
    judged = judge(watch(recorded(case), case.name))
    assert judged.findings[0].delay_s is not None
    assert judged.outlived == 0
    assert judged.early == 0
    assert judged.resolved_s is not None
    assert judged.resolved_s < 7 * 86400.0
