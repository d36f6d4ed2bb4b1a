"""What a tired person reads."""

from dataclasses import replace
from math import inf
from typing import Any

import pytest

from service.core.events import RuleKind, Severity
from service.core.rules import Figure, Rule, Side
from service.core.station import HatchState
from service.core.units import PA_PER_MMHG, S_PER_DAY
from service.core.views import (
    AtmosphereView,
    Balance,
    EstimateQuality,
    GrowthEstimate,
    LeakEstimate,
    Outlook,
)
from service.core.wording import headline, span, utc

ONSET_S = 1_707_372_000.0  # 8 February 2024, 06:00 UTC
VIEW = AtmosphereView(
    time_s=ONSET_S + 86400.0,
    name="zvezda",
    sections=("prk", "zvezda"),
    volume_m3=89.0,
    pressure_pa=745.0 * PA_PER_MMHG,
    temperature_k=296.0,
    air_mass_kg=104.0,
    balance=Balance.NITROGEN,
    quality=EstimateQuality.GOOD,
    leak=LeakEstimate(
        rate_kg_per_s=1.09 / S_PER_DAY,
        low_kg_per_s=0.98 / S_PER_DAY,
        high_kg_per_s=1.2 / S_PER_DAY,
    ),
    growth=GrowthEstimate(
        statistic_ratio=1.4,
        growth_kg_per_s=0.68 / S_PER_DAY,
        growth_low_kg_per_s=0.5 / S_PER_DAY,
        growth_high_kg_per_s=0.86 / S_PER_DAY,
        onset_s=ONSET_S,
        onset_low_s=ONSET_S - 7200.0,
        onset_high_s=ONSET_S + 7200.0,
    ),
    reserve_time_s={
        "evacuation": 40.0 * S_PER_DAY,
        "certification": 3.4 * S_PER_DAY,
        "flight_rule": 1.4 * S_PER_DAY,
    },
    outlook=Outlook(
        reserve_low_s={"evacuation": 36.0 * S_PER_DAY},
        reserve_high_s={"evacuation": 53.0 * S_PER_DAY},
        gas_kg_per_month=32.7,
        gas_low_kg_per_month=29.4,
        gas_high_kg_per_month=36.0,
        hole_low_m=2.6e-4,
        hole_high_m=3.4e-4,
    ),
)


def rule(kind: RuleKind, **fields: Any) -> Rule:
    return Rule(
        name="r",
        kind=kind,
        thresholds={Severity.CAUTION: 734.0 * PA_PER_MMHG},
        response="Act.",
        **fields,
    )


def test_a_growth_alert_reads_in_full():
    text = headline(
        rule(RuleKind.LEAK_GROWTH),
        Figure.exact(0.68 / S_PER_DAY),
        VIEW,
        {"prk": 0.8, "zvezda": 0.2},
        "crew of 2024-02-07 10:00 UTC",
    )
    assert text == (
        "zvezda: the leak grew by 0.68 kg/day (0.50 to 0.86) about 2024-02-08 06:00 UTC "
        "(between 2024-02-08 04:00 UTC and 2024-02-08 08:00 UTC). "
        "Air of 2 sections that share it: prk, zvezda. "
        "Leak now 1.09 kg/day (0.98 to 1.20), like a hole of 0.26 to 0.34 mm. "
        "Time to the evacuation pressure: 40 days (36 days to 53 days); flight rule pressure in 34 h, "
        "certification pressure in 3 days. Holding it takes 33 kg of gas a month (29 to 36). "
        "Likeliest: prk 80%, zvezda 20%. "
        "Known and not the cause: crew of 2024-02-07 10:00 UTC. Next: Act."
    )


@pytest.mark.parametrize(
    ("kind", "value", "claim"),
    [
        (RuleKind.LIMIT, 733.0 * PA_PER_MMHG, "pressure is 733.0 mmHg, below 734 mmHg."),
        (
            RuleKind.PRESSURE_RATE,
            PA_PER_MMHG / 60.0,
            "pressure falls by 1.00 mmHg/min.",
        ),
        (RuleKind.LEAK_RATE, 0.7 / S_PER_DAY, "the leak is 0.70 kg/day above what is accepted."),
        (RuleKind.RESERVE_TIME, 36 * 3600.0, "36 h are left to the evacuation pressure."),
    ],
)
def test_each_kind_of_rule_states_its_claim_first_and_what_to_do_last(kind, value, claim):
    text = headline(rule(kind, side=Side.BELOW), Figure.exact(value), VIEW, {}, "")
    assert text.startswith(f"zvezda: {claim} Air of 2 sections")
    assert text.endswith(" Act.")
    assert ("Leak now" in text) is (kind is not RuleKind.SILENCE)
    assert ("Time to the evacuation" in text) is (
        kind not in {RuleKind.SILENCE, RuleKind.RESERVE_TIME}
    )


def test_what_is_not_known_is_not_said():
    bare = replace(
        VIEW,
        sections=("prk",),
        leak=None,
        growth=None,
        reserve_time_s={"evacuation": None},
        outlook=None,
    )
    text = headline(rule(RuleKind.LEAK_GROWTH), None, bare, {}, "")
    assert text == (
        "zvezda: r is unknown, for there is no recent data. Air of prk alone, hatch shut. Next: Act."
    )
    text = headline(rule(RuleKind.LEAK_GROWTH), Figure.exact(0.0), bare, {}, "")
    assert "no growth of the leak is left" in text


def test_neither_hole_nor_gas_is_named_of_what_does_not_leak():
    tight = LeakEstimate(rate_kg_per_s=-1e-7, low_kg_per_s=-2e-7, high_kg_per_s=1e-8)
    outlook = Outlook(
        reserve_low_s={"evacuation": 9e7},
        reserve_high_s={"evacuation": inf},
        gas_kg_per_month=-0.26,
        gas_low_kg_per_month=-0.52,
        gas_high_kg_per_month=0.03,
    )
    still = replace(VIEW, leak=tight, outlook=outlook, reserve_time_s={"evacuation": None})
    text = headline(rule(RuleKind.LEAK_RATE), Figure.exact(0.0), still, {}, "")
    assert "hole" not in text
    assert "gas" not in text


def test_a_reserve_that_may_never_end_says_so():
    outlook = Outlook(reserve_low_s={"evacuation": 9e7}, reserve_high_s={"evacuation": inf})
    text = headline(
        rule(RuleKind.LEAK_RATE), Figure.exact(0.0), replace(VIEW, outlook=outlook), {}, ""
    )
    assert "40 days (2.9 years to never)" in text


def test_times_and_spans_are_written_as_people_say_them():
    assert utc(ONSET_S + 29.4) == "2024-02-08 06:00 UTC"
    spans = (0.0, 119.0, 120.0, 7199.0, 7200.0, 2.9 * S_PER_DAY, 3 * S_PER_DAY, 800 * S_PER_DAY)
    assert [span(s) for s in spans] == [
        "0 s", "119 s", "2 min", "120 min", "2 h", "70 h", "3 days", "2.2 years"
    ]  # fmt: skip


def test_what_is_assumed_of_unknown_hatches_is_said():
    assumed = {"a-b": HatchState.OPEN, "b-c": HatchState.CLOSED}
    text = headline(rule(RuleKind.SILENCE), None, replace(VIEW, assumed=assumed), {}, "")
    assert "Hatch a-b is unknown and taken as open." in text
    assert "Hatch b-c is unknown and taken as shut, for the pressures on its sides differ." in text
