"""What people write turns into SI."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.station import DIMENSION, ChannelKind
from service.core.units import SI_UNIT, UNITS, UnknownUnitError, unit_of


def si(value: float, name: str) -> float:
    unit = unit_of(name)
    return value * unit.scale + unit.offset


@pytest.mark.parametrize(
    ("value", "name", "expected"),
    [
        (760.0, "mmHg", 101_325.0),
        (760.0, "torr", 101_325.0),
        (1.0, "atm", 101_325.0),
        (14.7, "psia", 101_353.0),
        (14.7, "psi", 101_353.0),
        (1013.25, "hPa", 101_325.0),
        (1013.25, "mbar", 101_325.0),
        (1.01325, "bar", 101_325.0),
        (101.325, "kPa", 101_325.0),
        (-40.0, "degF", 233.15),
        (212.0, "degF", 373.15),
        (-40.0, "degC", 233.15),
        (55.0, "percent", 0.55),
        (2.4, "lb/day", 1.08862169 / 86400.0),
        (1.0, "kg/day", 1.0 / 86400.0),
        (1.0, "lb", 0.45359237),
        (250.0, "g", 0.25),
        (10.0, "L", 0.01),
    ],
)
def test_a_written_value_has_its_si_value(value, name, expected):
    assert si(value, name) == pytest.approx(expected, rel=1e-5)


def test_every_dimension_has_an_si_unit_that_changes_nothing():
    assert set(SI_UNIT) == {unit.dimension for unit in UNITS.values()}
    for dimension, name in SI_UNIT.items():
        unit = unit_of(name, dimension)
        assert (unit.scale, unit.offset) == (1.0, 0.0)


def test_every_kind_of_channel_measures_a_dimension_with_units():
    assert set(DIMENSION) == set(ChannelKind)
    assert set(DIMENSION.values()) <= set(SI_UNIT)


@given(st.text(max_size=8).filter(lambda name: name not in UNITS))
def test_an_unknown_unit_is_refused_with_all_that_is_allowed(name):
    with pytest.raises(UnknownUnitError, match="is not known; use one of Pa, hPa") as refused:
        unit_of(name)
    assert repr(name) in str(refused.value)


def test_a_unit_of_another_dimension_is_refused_with_those_that_fit():
    with pytest.raises(UnknownUnitError, match="'mmHg' does not measure temperature") as refused:
        unit_of("mmHg", "temperature")
    assert str(refused.value).endswith("use one of K, degC, degF")
