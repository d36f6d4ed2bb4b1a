import pytest

from service.core.units import S_PER_DAY
from service.errors import InputError
from service.scoring.truths import ChangeKind, TrueRates, truth_of

DOCUMENT = {
    "start": "2031-03-01T00:00:00Z",
    "end": "2031-03-02T00:00:00Z",
    "changes": [
        {
            "time": "2031-03-01T12:00:00Z",
            "until": "2031-03-01T14:00:00Z",
            "sections": ["ring"],
            "before_kg_per_day": 0.1,
            "after_kg_per_day": 0.6,
        },
        {
            "time": "2031-03-01T06:00:00Z",
            "sections": ["ring"],
            "before_kg_per_day": 0.3,
            "after_kg_per_day": 0.1,
        },
        {
            "time": "2031-03-01T07:00:00Z",
            "sections": ["ring"],
            "before_kg_per_day": 0.1,
            "after_kg_per_day": 0.1,
        },
    ],
    "atmospheres": [
        {"time": 0.0, "sections": {"core": ["core", "ring"]}},
        {"time": 2000.0, "sections": {"core": ["core"], "ring": ["ring"]}},
    ],
    "leak_rate_kg_per_day": {
        "time": [600.0, 1200.0, 2400.0],
        "sections": {"ring": [0.5, 0.6, 0.7]},
        "atmospheres": {"core": [0.5, 0.6, 0.02], "ring": [None, None, 0.68]},
    },
}


def test_changes_come_in_order_of_time_and_say_which_way_they_go():
    first, second = truth_of(DOCUMENT).changes
    assert (first.kind, second.kind) == (ChangeKind.REPAIR, ChangeKind.GROWTH)
    assert second.until_s - second.time_s == 7200
    assert first.until_s == first.time_s
    assert second.size_kg_per_day == pytest.approx(0.5)
    assert truth_of(DOCUMENT).first_growth_s() == second.time_s


@pytest.mark.parametrize("key", ["changes", "start", "end"])
def test_a_truth_that_lacks_something_is_told(key):
    with pytest.raises(InputError, match=key):
        truth_of({k: v for k, v in DOCUMENT.items() if k != key})


@pytest.mark.parametrize(
    ("sections", "at_s", "kg_per_day"),
    [
        (("core", "ring"), 700.0, 0.5),
        (("ring",), 2500.0, 0.68),  # what creeps in from the core counts too
        (("core",), 2500.0, 0.02),
        (("core", "ring"), 2500.0, 0.7),  # no atmosphere any more: what they leak
        (("ring",), 1300.0, 0.6),  # not yet one
        (("ring",), 2400.0, 0.6),  # what it lost until then, not what it loses from then on
    ],
)
def test_an_atmosphere_loses_what_its_sections_leak_and_what_creeps(sections, at_s, kg_per_day):
    rate = TrueRates(DOCUMENT).of(sections, at_s)
    assert rate is not None
    assert rate * S_PER_DAY == pytest.approx(kg_per_day)


def test_before_the_first_row_and_without_a_table_nothing_is_known():
    assert TrueRates(DOCUMENT).of(("ring",), 100.0) is None
    assert TrueRates({"changes": []}).of(("ring",), 700.0) is None
