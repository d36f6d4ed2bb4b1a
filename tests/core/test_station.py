"""Which sections share air."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from service.core.station import VACUUM, Hatch, HatchState, Loop, Section, Station, atmospheres

NAMES = "abcdefg"


def house(doors: list[tuple[str, str]]) -> Station:
    return Station(
        name="house",
        sections=tuple(Section(name=n, volume_m3=1.0) for n in NAMES),
        hatches=tuple(
            Hatch(name=f"{i}", between=between, state=HatchState.OPEN)
            for i, between in enumerate(doors)
        ),
        channels=(),
        accepted_leak_kg_per_s=0.0,
    )


doors = st.lists(
    st.tuples(
        st.sampled_from(NAMES), st.sampled_from([*NAMES, VACUUM]), st.sampled_from(HatchState)
    ),
    max_size=12,
)


@given(doors)
def test_two_sections_share_air_exactly_if_a_way_not_closed_joins_them(doors):
    station = house([(a, b) for a, b, _ in doors])
    states = {f"{i}": state for i, (_, _, state) in enumerate(doors)}
    reach = {name: {name} for name in NAMES}
    for _ in NAMES:
        for a, b, state in doors:
            if state is not HatchState.CLOSED and b != VACUUM:
                joined = reach[a] | reach[b]
                for name in joined:
                    reach[name] = joined
    groups = atmospheres(station, states)
    assert {frozenset(NAMES[i] for i in group) for group in groups} == {
        frozenset(r) for r in reach.values()
    }
    assert sorted(i for group in groups for i in group) == list(range(len(NAMES)))
    assert list(groups) == sorted(groups)
    assert all(list(group) == sorted(group) for group in groups)


def test_an_unknown_hatch_counts_as_open_and_one_into_vacuum_joins_nothing():
    station = house([("a", "b"), ("c", VACUUM)])
    groups = atmospheres(station, {"0": HatchState.UNKNOWN, "1": HatchState.OPEN})
    assert groups == ((0, 1), (2,), (3,), (4,), (5,), (6,))


def test_channels_are_found_by_name(station):
    assert station.channel_index()["tunnel.pressure"] == 2


def test_each_loop_is_a_group_of_its_own_after_all_air():
    loop = Loop(name="loop", floor_kg=1.0, density_kg_per_m3=998.2, expansion_per_k=2.1e-4)
    station = replace(house([("a", "b")]), loops=(loop,))
    groups = atmospheres(station, {"0": HatchState.OPEN})
    assert groups[-1] == (len(NAMES),)
    assert [station.loop_of(group) for group in groups] == [None] * (len(groups) - 1) + [loop]
    assert station.volumes[len(NAMES)] is loop
