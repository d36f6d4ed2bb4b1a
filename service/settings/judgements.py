"""What a config file may say of how the air of a station is judged, beside the rules."""

from pydantic import Field

from service.settings.fields import Part, Positive


class Growth(Part):
    """How sure a leak growth must be."""

    false_alarm_interval_days: Positive = Field(
        default=90.0, description="mean time between false growth alerts of the station, days"
    )


class Floors(Part):
    """The pressures to which reserve times count."""

    # 490 mmHg: ISS Emergency Operations book; 719 and 734: NASA ISS status reports, January 2004
    evacuation_mmhg: Positive = Field(
        default=490.0, description="pressure at which the crew leaves, mmHg"
    )
    certification_mmhg: Positive = Field(
        default=719.0, description="pressure below which equipment is not certified, mmHg"
    )
    flight_rule_mmhg: Positive = Field(
        default=734.0, description="lower limit of the flight rules, mmHg"
    )


class Time(Part):
    """Which times of readings are believed."""

    plausible_past_days: Positive = Field(
        default=31.0, description="how late a reading may come and be believed, days"
    )
    plausible_ahead_s: Positive = Field(
        default=300.0, description="how far ahead of the clock a reading may be, s"
    )
    stale_s: Positive = Field(
        default=7800.0,  # the public feed sends changes only, up to 115 min apart
        description="how long a channel may be silent before it is unknown, s",
    )


class Estimates(Part):
    """How often estimates are written out."""

    every_s: Positive = Field(default=600.0, description="spacing of the rows of estimates, s")
