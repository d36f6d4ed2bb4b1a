"""Readings of one atmosphere whose gauges and thermometers are all there is."""

from service.core.air_reading import AirReading


def air_reading(
    time_s: float,
    *,
    pressure_pa: float,
    mass_kg: float | None = None,
    bare_kg: float | None = None,
    temperature_k: float | None = 295.0,
    volume_m3: float = 7.0,
    agreeing: int = 1,
) -> AirReading:
    """Return a reading with a new pressure; `bare_kg` is as `mass_kg` where not given."""
    return AirReading(
        time_s=time_s,
        volume_m3=volume_m3,
        pressure_pa=pressure_pa,
        temperature_k=temperature_k,
        air_mass_kg=mass_kg,
        air_mass_sd_kg=None,
        total_kg=mass_kg,
        total_sd_kg=None,
        is_dry=False,
        bare_kg=mass_kg if bare_kg is None else bare_kg,
        bare_sd_kg=None,
        nitrogen_kg=None,
        nitrogen_sd_kg=None,
        agreeing=agreeing,
        pressure_is_new=True,
        nitrogen_is_new=False,
    )
