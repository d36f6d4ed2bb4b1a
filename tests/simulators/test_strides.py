import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulators.station import Simulation
from simulators.strides import Strides

DAY = "2024-02-01T"
BUSY = [
    {"at": f"{DAY}01:00:30Z", "what": "leak", "leak": "crack", "kg_per_day": 9.0},
    {"at": f"{DAY}01:30:00Z", "what": "hatch", "hatch": "tunnel-cabin", "state": "closed"},
    {"at": f"{DAY}02:15:20Z", "what": "hatch", "hatch": "tunnel-cabin", "state": "equalising"},
    {"at": f"{DAY}02:20:00Z", "what": "hatch", "hatch": "tunnel-cabin", "state": "open"},
    {"at": f"{DAY}02:30:10Z", "what": "vent", "section": "lab", "kg": 1.0, "over_h": 0.05},
]


@given(
    st.lists(st.floats(0, 3600), max_size=5),
    st.lists(st.floats(0, 3600), max_size=3),
    st.sampled_from([1.0, 5.0, 7.0, 60.0, 600.0]),
)
def test_blocks_of_whole_strides_have_the_strides_of_the_whole(moments, hatches, step_s):
    strides = Strides(0.0, step_s, moments, hatches)
    stop = strides.whole(7200 / step_s)
    block = strides.whole(900 / step_s)
    parts = [
        first + strides.ends(first, min(first + block, stop)) for first in range(0, stop, block)
    ]
    ends = strides.ends(0, stop)
    assert np.array_equal(np.concatenate(parts), ends)
    assert ends[-1] == stop - 1
    assert (np.diff(ends) * step_s <= max(60.0, step_s)).all()


def shown(scenario, seed=2, block_s=None):
    parts = list(Simulation(scenario, seed).slices(block_s))
    return tuple(np.concatenate([getattr(p, c) for p in parts]) for c in ("time_s", "value"))


def test_at_one_hertz_how_long_the_slices_are_changes_nothing(toy):
    scenario = toy(step_s=1.0, end=f"{DAY}03:00:00Z", timeline=BUSY)
    one, other = shown(scenario), shown(scenario, block_s=1234.0)
    assert np.array_equal(one[0], other[0])
    assert np.array_equal(one[1], other[1])


def test_one_hertz_shows_the_same_physics_as_single_steps(toy, monkeypatch):
    """Strides of a minute and of a second agree to a few thousandths of a mmHg.

    Without the half-cycle of the CO2 machine, which begins with a whole stride, and with machines
    as weak as the toy is small: a strong one dries a small cabin in a few strides.
    """
    air = {"crew": 2, "oxygen_generation_kg_per_day": 1.7}
    machines = {
        "section": "lab",
        "bed_air_mmhg": 0,
        "co2_removal_kg_per_day_per_mmhg": 0.5,
        "condensation_kg_per_day_per_mmhg": 0.2,
    }
    scenario = toy(step_s=1.0, end=f"{DAY}03:00:00Z", air=air, timeline=BUSY, life_support=machines)
    times_s, coarse = shown(scenario)
    monkeypatch.setattr("simulators.strides.STRIDE_S", 1.0)
    _, fine = shown(scenario)
    assert np.abs(coarse - fine).max() < 0.4  # Pa and K; 0.4 Pa are 0.003 mmHg
    assert len(times_s) == 3 * 3600 * len(scenario.channels)
