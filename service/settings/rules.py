"""The rules of a config file, and the set that holds where the file has none."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from service.core.events import Severity
from service.core.samples import ACTIVITY_NAMES
from service.core.station import HatchState, Medium
from service.settings.fields import (
    Falling,
    Name,
    NotNegative,
    Part,
    Rising,
    Text,
    fault,
)
from service.settings.references import did_you_mean

# A move of a hatch explains no breach, and notes and signals move no air.
EXPLAINING: Final = sorted(ACTIVITY_NAMES - {"hatch", "note", "signal"})


def _check_activity(name: str) -> str:
    if name not in EXPLAINING:
        raise fault(f"there is no activity {name!r}", did_you_mean(name, EXPLAINING))
    return name


ActivityName = Annotated[str, AfterValidator(_check_activity)]
Floor = Literal["evacuation", "certification", "flight_rule"]


class _Rule(Part):
    name: Name = Field(description="name of the rule, part of the identity of its alerts")
    medium: Medium = Field(
        default=Medium.AIR, description="air: it judges the atmospheres; liquid: the coolant loops"
    )
    sections: tuple[Name, ...] = Field(
        default=(),
        description="judge only atmospheres with one of these sections (or loops); empty = all",
    )
    hold_s: NotNegative = Field(
        default=0.0, description="how long a breach must last before it is announced, s"
    )
    hold_within_s: NotNegative = Field(
        default=0.0,
        description="the breach need last hold_s only in sum within this time; 0 = unbroken, s",
    )
    keep_firing_s: NotNegative = Field(
        default=0.0, description="how long a clear must last before it is believed, s"
    )
    latches: bool = Field(
        default=False,
        description="whether an acknowledged alert that is clear stays until it is reset",
    )
    suppressed_by: tuple[ActivityName, ...] = Field(
        default=(), description="activities during which a new breach is not announced"
    )
    suppressed_while: dict[Name, HatchState] = Field(
        default={},
        description="hatch to state: a new breach is not announced while all of them stand so",
    )
    modes: tuple[Name, ...] = Field(
        default=(),
        description="modes of the station in which a new breach is announced; empty = all",
    )
    not_alone: bool = Field(
        default=False,
        description="suppress a new breach in one section alone behind closed hatches, but the largest",
    )
    response: Text = Field(description="what the operator does when it alerts")
    runbook: str = Field(default="", description="where more about the response stands")
    notification: str = Field(
        default="", description="class by which those who notify choose whom to tell"
    )

    @model_validator(mode="after")
    def _hold_fits(self) -> Self:
        if 0.0 < self.hold_within_s < self.hold_s:
            raise fault(
                "hold_within_s is shorter than hold_s, so it could never alert",
                "make hold_within_s the longer of the two, or leave it out",
            )
        return self


class Limit(_Rule):
    """Alerts when a pressure, a partial pressure or a quantity of coolant is beyond a limit."""

    kind: Literal["limit"]
    quantity: Literal["pressure", "ppo2", "ppn2", "ppco2", "quantity"] = Field(
        default="pressure", description="pressure, ppo2, ppn2, ppco2, or quantity of a loop"
    )
    below_mmhg: Falling | None = Field(
        default=None, description="severity to the pressure below which it holds, mmHg"
    )
    above_mmhg: Rising | None = Field(
        default=None, description="severity to the pressure above which it holds, mmHg"
    )
    clear_margin_mmhg: NotNegative = Field(
        default=0.0, description="how far back across the limit it must come to be clear, mmHg"
    )
    below_kg: Falling | None = Field(
        default=None, description="severity to the quantity below which it holds, kg"
    )
    above_kg: Rising | None = Field(
        default=None, description="severity to the quantity above which it holds, kg"
    )
    clear_margin_kg: NotNegative = Field(
        default=0.0, description="how far back across the limit it must come to be clear, kg"
    )

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        unit = "kg" if self.quantity == "quantity" else "mmhg"
        given = {
            name: getattr(self, name) is not None
            for name in ("below_mmhg", "above_mmhg", "below_kg", "above_kg")
        }
        if sum(given.values()) != 1 or not (given[f"below_{unit}"] or given[f"above_{unit}"]):
            raise fault(
                f"needs exactly one of below_{unit} and above_{unit}",
                "keep one, and write a second rule for the other side",
            )
        return self

    @model_validator(mode="after")
    def _quantity_is_of_liquid(self) -> Self:
        if self.quantity == "quantity" and self.medium is not Medium.LIQUID:
            raise fault("looks at a quantity, which air has not", "add medium: liquid")
        return self


class PressureRate(_Rule):
    """Alerts when the pressure falls fast."""

    kind: Literal["pressure_rate"]
    fall_mmhg_per_min: Rising = Field(
        description="severity to the fall of the pressure from which on it holds, mmHg/min"
    )
    clear_margin_mmhg_per_min: NotNegative = Field(
        default=0.0, description="how much slower the fall must become to be clear, mmHg/min"
    )

    @model_validator(mode="after")
    def _is_of_air(self) -> Self:
        if self.medium is not Medium.AIR:
            raise fault("watches the pressure of air", "use a reserve_time rule for coolant loops")
        return self


class LeakRate(_Rule):
    """Alerts when the station loses more air than is accepted."""

    kind: Literal["leak_rate"]
    above_accepted_kg_per_day: Rising = Field(
        description="severity to the leak rate above the accepted one, kg/day"
    )
    clear_margin_kg_per_day: NotNegative = Field(
        default=0.0, description="how far below the limit the rate must come to be clear, kg/day"
    )


class LeakGrowth(_Rule):
    """Alerts when the leak rate has grown for certain."""

    kind: Literal["leak_growth"]
    at_least_kg_per_day: Rising = Field(
        description="severity to the smallest growth that is worth an alert, kg/day"
    )


class ReserveTime(_Rule):
    """Alerts when the time until the pressure reaches a floor is short."""

    kind: Literal["reserve_time"]
    floor: Floor = Field(
        default="evacuation", description="evacuation, certification or flight_rule"
    )
    below_h: Falling = Field(description="severity to the reserve time below which it holds, h")
    clear_margin_h: NotNegative = Field(
        default=0.0, description="how much longer the reserve must become to be clear, h"
    )


class Silence(_Rule):
    """Alerts when nothing is heard any more."""

    kind: Literal["silence"]
    silent_s: Rising = Field(description="severity to the time without readings, s")


class FrozenValue(_Rule):
    """Alerts when a channel repeats its value for longer than its noise and its habit allow."""

    kind: Literal["frozen_value"]
    still_s: Rising = Field(
        description="severity to the time for which a channel repeats its value, s"
    )


class SensorDisagreement(_Rule):
    """Alerts when a sensor parts from the others of its gas, or drifts against them."""

    kind: Literal["sensor_disagreement"]
    apart_mmhg: Rising = Field(
        description="severity to the difference of a doubted sensor from the others, mmHg"
    )

    @model_validator(mode="after")
    def _is_of_air(self) -> Self:
        if self.medium is not Medium.AIR:
            raise fault("compares sensors of one air", "use a frozen_value rule for coolant loops")
        return self


class IsolationResult(_Rule):
    """Alerts when closed hatches have shown where the leak is, and that was not known before."""

    kind: Literal["isolation_result"]
    probability_percent: Rising = Field(
        description="severity to the probability that the leak is there, percent"
    )

    @model_validator(mode="after")
    def _is_of_air(self) -> Self:
        if self.medium is not Medium.AIR:
            raise fault("is about hatches, which loops have not", "leave medium out")
        return self


class DaemonHealth(_Rule):
    """Alerts when something is wrong with the daemon itself."""

    kind: Literal["daemon_health"]
    source_down_s: Rising | None = Field(
        default=None, description="severity to the time for which a source is not connected, s"
    )
    output_failing_s: Rising | None = Field(
        default=None, description="severity to the time for which an output has written nothing, s"
    )
    refused_percent: Rising | None = Field(
        default=None, description="severity to the share of readings refused in an hour, percent"
    )

    @model_validator(mode="after")
    def _one_part(self) -> Self:
        parts = (self.source_down_s, self.output_failing_s, self.refused_percent)
        if sum(part is not None for part in parts) != 1:
            raise fault(
                "needs exactly one of source_down_s, output_failing_s and refused_percent",
                "keep one, and write further rules for the others",
            )
        return self


class Override(Part):
    """What one of the rules does differently, everywhere or in some sections."""

    rule: Name = Field(description="name of the rule that is changed")
    within: tuple[Name, ...] = Field(
        default=(),
        description="only for atmospheres that hold no other sections than these; empty = all",
    )
    disabled: bool = Field(
        default=False, description="whether the rule does not judge there at all"
    )
    change: dict[str, Any] = Field(
        default={}, description="the keys of the rule that are different, with their new values"
    )


Rule = Annotated[
    Limit
    | PressureRate
    | LeakRate
    | LeakGrowth
    | ReserveTime
    | Silence
    | FrozenValue
    | SensorDisagreement
    | IsolationResult
    | DaemonHealth,
    Field(discriminator="kind"),
]

# Pressures: 734 mmHg = 14.2 psia, the lower limit of the flight rules, and 719 mmHg = 13.9 psia,
# below which equipment is not certified (NASA ISS status reports of January 2004).
# 0.5 mmHg/min: half of what a 13 mm hole does to the whole station, the smallest that the design
# requirement names (NASA TM-1998-206956), and 40 times the Soyuz MS-09 leak of August 2018, which
# was no emergency. 1.68 kg/day = 3.7 lb/day, the worst rate on record, April 2024 (NASA OIG
# IG-24-020); 0.6 kg/day above the accepted rate is some three times nominal.
# Coolant: 0.05 kg/day, 2 g/h, is half of what a weeping fitting loses (estimate); the hours are those
# of the air.
# Instruments: 2 h without news, as for silence; 0.4 mmHg, the least by which a sensor is doubted; 15 min
# without a source or an output, five times what a restart of the far side takes (estimate).
DEFAULT_RULES: Final[tuple[Rule, ...]] = (
    Limit(
        kind="limit",
        name="pressure_low",
        below_mmhg={Severity.WARNING: 719.0, Severity.CAUTION: 734.0},
        hold_s=600.0,
        keep_firing_s=600.0,
        clear_margin_mmhg=1.0,
        not_alone=True,  # a tunnel that is shut every night falls below it every night
        response="Compare a second pressure sensor and plan a repressurisation. Below 719 mmHg "
        "switch off what is not certified for it.",
        runbook="deploy/RUNBOOK.md#hullwatchwarning",
    ),
    PressureRate(
        kind="pressure_rate",
        name="rapid_depressurisation",
        fall_mmhg_per_min={Severity.EMERGENCY: 0.5},
        hold_s=5.0,
        keep_firing_s=60.0,
        latches=True,  # what emptied part of the station is over only when somebody has looked
        clear_margin_mmhg_per_min=0.1,
        response="Gather the crew and note how fast the pressure falls. Check each crew vehicle "
        "with its vestibule first, then shut hatches and halve the station until it holds on one "
        "side; never shut anyone off from their vehicle.",
        runbook="deploy/RUNBOOK.md#hullwatchemergency",
    ),
    LeakRate(
        kind="leak_rate",
        name="leak_rate_high",
        above_accepted_kg_per_day={Severity.WARNING: 1.68, Severity.CAUTION: 0.6},
        hold_s=6 * 3600.0,
        keep_firing_s=6 * 3600.0,
        clear_margin_kg_per_day=0.1,
        response="Look for an unreported vent or valve, then find the section by closing hatches.",
        runbook="deploy/RUNBOOK.md#hullwatchcaution",
    ),
    LeakGrowth(
        kind="leak_growth",
        name="leak_growth",
        at_least_kg_per_day={Severity.CAUTION: 0.1},
        keep_firing_s=6 * 3600.0,
        response="Compare the onset with what was operated then.",
        runbook="deploy/RUNBOOK.md#hullwatchleakgrowth",
    ),
    ReserveTime(
        kind="reserve_time",
        name="reserve_time",
        floor="evacuation",
        below_h={Severity.EMERGENCY: 24.0, Severity.WARNING: 72.0},
        hold_s=300.0,
        keep_firing_s=300.0,
        clear_margin_h=2.0,
        response="Isolate the leaking section, repressurise from stored gas and prepare the crew "
        "vehicles. Work out the reserve time again after each closure.",
        runbook="deploy/RUNBOOK.md#hullwatchreservetimelow",
    ),
    Silence(
        kind="silence",
        name="silence",
        silent_s={Severity.ADVISORY: 7200.0},
        response="Check the telemetry link and the sensor; until then judge the section by its "
        "neighbours over open hatches.",
        runbook="deploy/RUNBOOK.md#hullwatchsectionsilent",
    ),
    FrozenValue(
        kind="frozen_value",
        name="frozen_value",
        still_s={Severity.ADVISORY: 7200.0},
        response="See whether its sender repeats an old value, and read the sensor by hand; until "
        "then judge the section by its neighbours over open hatches.",
        runbook="deploy/RUNBOOK.md#hullwatchadvisory",
    ),
    SensorDisagreement(
        kind="sensor_disagreement",
        name="sensor_disagreement",
        apart_mmhg={Severity.ADVISORY: 0.4},
        response="Read a third sensor or a hand gauge and calibrate or replace the one that is "
        "wrong; if all of one section differ from the rest, check the state of its hatch.",
        runbook="deploy/RUNBOOK.md#hullwatchadvisory",
    ),
    IsolationResult(
        kind="isolation_result",
        name="isolation_result",
        probability_percent={Severity.ADVISORY: 95.0},
        keep_firing_s=3600.0,
        response="Keep the hatch shut while nobody needs the section, and look for the leak there.",
        runbook="deploy/RUNBOOK.md#hullwatchleakgrowth",
    ),
    DaemonHealth(
        kind="daemon_health",
        name="source_down",
        source_down_s={Severity.CAUTION: 900.0},
        response="Bring the broker or the network back; until then nobody watches the air here, so "
        "read the gauges by hand every hour.",
        runbook="deploy/RUNBOOK.md#hullwatchsourcedown",
    ),
    DaemonHealth(
        kind="daemon_health",
        name="output_failing",
        output_failing_s={Severity.ADVISORY: 900.0},
        response="Bring the far side of the output back; until then look at the status page, for "
        "what it should tell may reach nobody.",
        runbook="deploy/RUNBOOK.md#hullwatchoutputfailing",
    ),
    DaemonHealth(
        kind="daemon_health",
        name="readings_refused",
        refused_percent={Severity.ADVISORY: 5.0},
        hold_s=600.0,
        keep_firing_s=600.0,
        response="Look in the quarantine file for the reason, and correct the sender or the config.",
        runbook="deploy/RUNBOOK.md#hullwatchsamplesrejected",
    ),
    LeakGrowth(
        kind="leak_growth",
        name="coolant_growth",
        medium=Medium.LIQUID,
        at_least_kg_per_day={Severity.CAUTION: 0.05},
        keep_firing_s=6 * 3600.0,
        response="Compare the onset with what was operated on the loop then, look for liquid or "
        "flakes along its lines, and keep people and suits away from what leaks outside.",
        runbook="deploy/RUNBOOK.md#hullwatchleakgrowth",
    ),
    ReserveTime(
        kind="reserve_time",
        name="coolant_reserve",
        medium=Medium.LIQUID,
        below_h={Severity.EMERGENCY: 24.0, Severity.WARNING: 72.0},
        hold_s=60.0,
        keep_firing_s=300.0,
        clear_margin_h=2.0,
        response="Shut the valves that part the leak from the rest of the loop, stop the pump "
        "before it runs dry, and move the heat load to another loop.",
        runbook="deploy/RUNBOOK.md#hullwatchreservetimelow",
    ),
    Silence(
        kind="silence",
        name="coolant_silence",
        medium=Medium.LIQUID,
        silent_s={Severity.ADVISORY: 7200.0},
        response="Check the telemetry link and the sensor; until then judge the loop by its pump "
        "pressure and the temperatures it cools.",
        runbook="deploy/RUNBOOK.md#hullwatchsectionsilent",
    ),
    FrozenValue(
        kind="frozen_value",
        name="coolant_frozen",
        medium=Medium.LIQUID,
        still_s={Severity.ADVISORY: 7200.0},
        response="See whether its sender repeats an old value; until then judge the loop by its "
        "other gauges and the temperatures it cools.",
        runbook="deploy/RUNBOOK.md#hullwatchadvisory",
    ),
)
