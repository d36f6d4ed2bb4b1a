"""What was read of one atmosphere, or of one loop, at one moment."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidReading:
    """What a loop holds at one moment.

    Attributes
    ----------
    held_kg : float or None
        In the accumulator, as its gauge tells.
    mass_kg : float or None
        The same with the expansion of all the liquid taken out, what it would hold at 20 degC, where
        `is_compensated`.
    percent_kg : float
        A hundredth of what the accumulator takes, the measure of noise.
    """

    held_kg: float | None
    mass_kg: float | None
    is_compensated: bool
    percent_kg: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AirReading:
    """One atmosphere at one moment; None = unknown.

    Standard errors (`_sd_kg`) hold those of the readings, their offsets, the temperature and what
    is not measured; not that of the volume, which is the same at all times.

    Attributes
    ----------
    temperature_k : float or None
        The one temperature at which the air would weigh the same.
    air_mass_kg : float or None
        Air mass from pressure, volumes and temperatures; these at 22 degC where not measured.
    total_kg : float or None
        What the air would weigh if vapour and CO2, which come and go, stood as usual: the balance
        of dry air where either is measured (`is_dry`), otherwise the air mass.
    bare_kg : float or None
        Air mass from pressure and volumes alone.
    nitrogen_kg : float or None
        Nitrogen, as the mass of air that holds so much of it now.
    agreeing : int
        How many gauges stand for the pressure.
    pressure_is_new, nitrogen_is_new : bool
        Whether a reading behind it came in this step.
    rounding_pa : (float, float)
        How far the pressure may be below and above what is given, because gauges round it; 0 of
        gauges finer than their noise.
    sees_co2 : bool
        Whether CO2 is measured.
    unseen : float
        Share of a section without a thermometer that would wander as much as all that have none.
    liquid : LiquidReading or None
        What a loop holds instead of air.
    """

    time_s: float
    volume_m3: float
    pressure_pa: float | None
    temperature_k: float | None
    air_mass_kg: float | None
    air_mass_sd_kg: float | None
    total_kg: float | None
    total_sd_kg: float | None
    is_dry: bool
    bare_kg: float | None
    bare_sd_kg: float | None
    nitrogen_kg: float | None
    nitrogen_sd_kg: float | None
    agreeing: int
    pressure_is_new: bool
    nitrogen_is_new: bool
    rounding_pa: tuple[float, float] = (0.0, 0.0)
    sees_co2: bool = False
    unseen: float = 0.0
    liquid: LiquidReading | None = None
