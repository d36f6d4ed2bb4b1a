"""Converts between the units people write and the SI units the core works in."""

from dataclasses import dataclass
from typing import Final

PA_PER_MMHG: Final = 133.322387415  # conventional millimetre of mercury, NIST SP 811 appendix B.8
PA_PER_PSI: Final = 6894.757293168  # NIST SP 811 appendix B.8
KG_PER_LB: Final = 0.45359237  # exact by definition, NIST SP 811
S_PER_DAY: Final = 86400.0
ZERO_CELSIUS_K: Final = 273.15


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of one dimension: SI value = scale * written value + offset."""

    dimension: str
    scale: float
    offset: float = 0.0


UNITS: Final[dict[str, Unit]] = {
    "Pa": Unit("pressure", 1.0),
    "hPa": Unit("pressure", 100.0),
    "mbar": Unit("pressure", 100.0),
    "kPa": Unit("pressure", 1000.0),
    "bar": Unit("pressure", 1e5),
    "atm": Unit("pressure", 101325.0),
    "mmHg": Unit("pressure", PA_PER_MMHG),
    "torr": Unit("pressure", 101325.0 / 760.0),
    "psia": Unit("pressure", PA_PER_PSI),
    "psi": Unit("pressure", PA_PER_PSI),
    "K": Unit("temperature", 1.0),
    "degC": Unit("temperature", 1.0, ZERO_CELSIUS_K),
    "degF": Unit("temperature", 5.0 / 9.0, ZERO_CELSIUS_K - 32.0 * 5.0 / 9.0),
    "ratio": Unit("ratio", 1.0),
    "percent": Unit("ratio", 0.01),
    "kg": Unit("mass", 1.0),
    "g": Unit("mass", 1e-3),
    "lb": Unit("mass", KG_PER_LB),
    "kg/s": Unit("mass_rate", 1.0),
    "kg/day": Unit("mass_rate", 1.0 / S_PER_DAY),
    "lb/day": Unit("mass_rate", KG_PER_LB / S_PER_DAY),
    "m3": Unit("volume", 1.0),
    "L": Unit("volume", 1e-3),
    "count": Unit("number", 1.0),
    "state": Unit("number", 1.0),
}

SI_UNIT: Final[dict[str, str]] = {
    "pressure": "Pa",
    "temperature": "K",
    "ratio": "ratio",
    "mass": "kg",
    "mass_rate": "kg/s",
    "volume": "m3",
    "number": "count",
}


class UnknownUnitError(ValueError):
    """The unit is not in the table, or belongs to another dimension than was asked for."""


def unit_of(name: str, dimension: str | None = None) -> Unit:
    """Look up a unit, of the given dimension if one is named.

    Raises
    ------
    UnknownUnitError
        If the name is not known or measures something else; the message lists what is allowed.

    Examples
    --------
    >>> round(unit_of("mmHg", "pressure").scale, 3)
    133.322
    >>> unit_of("degC", "pressure")
    Traceback (most recent call last):
        ...
    service.core.units.UnknownUnitError: unit 'degC' does not measure pressure; use one of \
Pa, hPa, mbar, kPa, bar, atm, mmHg, torr, psia, psi
    """
    found = UNITS.get(name)
    if found is not None and dimension in (None, found.dimension):
        return found
    allowed = ", ".join(n for n, u in UNITS.items() if dimension in (None, u.dimension))
    what = f"does not measure {dimension}" if found is not None else "is not known"
    raise UnknownUnitError(f"unit {name!r} {what}; use one of {allowed}")
