"""Works out what people, machines, bottles, leaks and drift do to the air in each step."""

from typing import Final

import numpy as np

from simulators import gas
from simulators.cabin import Forcing, Layout, Outlets
from simulators.gas import PA_PER_MMHG, R_J_PER_MOL_K, S_PER_DAY, Floats
from simulators.layouts import HatchBoard
from simulators.passages import InnerLeak
from simulators.plan import Plan
from simulators.schema import Scenario
from simulators.thermal import ORBIT_S, Temperatures

# Per person and day, kg of O2 in, CO2 and water vapour out (Wieland, NASA RP-1324).
BREATH_KG_PER_DAY: Final[Floats] = np.array([0.0, -0.84, 1.00, 2.28])
# Asleep from 21:30 to 06:00 UTC, the crew day of the ISS; metabolism of a sleeper against the mean
# of a day from the rates of NASA SP-2010-3407.
SLEEP_FROM_S, SLEEP_UNTIL_S, ASLEEP = 21.5 * 3600, 6 * 3600.0, 0.6
AWAKE: Final = (24 - 8.5 * ASLEEP) / 15.5
# The CO2 machine changes its beds every 144 minutes (Knox et al., ICES papers on CDRA); the cabin
# pressures published with Astro Pi rise for 10 to 20 minutes and fall for the rest.
HALF_CYCLE_S, GIVING_BACK_S = 144 * 60.0, 900.0
# A cyclic oxygen generator runs while the arrays are lit; ISS eclipses last up to 36 of 93 minutes.
LIT: Final = 57 / 93


class Forces:
    """Everything that acts on the air whatever the air is like.

    Attributes
    ----------
    leak_sections : list of str
        Where the first outlets are, those that are leaks; the others are vents.
    outlets : Outlets
        All the ways out.
    """

    def __init__(
        self, scenario: Scenario, plan: Plan, board: HatchBoard, rng: np.random.Generator
    ) -> None:
        self._plan, self._board, self._rng = plan, board, rng
        self._step_s = scenario.step_s
        self._drift = scenario.drift
        self._bed_pa = scenario.life_support.bed_air_mmhg * PA_PER_MMHG
        self._column = board.index | {
            name: len(board.index) + i for i, name in enumerate(scenario.loops)
        }
        self._walked = np.zeros(2)  # temperature that is sensed and that is not, as mmHg
        self._wandering_rng = rng.spawn(1)[0]
        self._wandered_k = np.zeros((2, len(board.index)))
        self._supplies = [flow for flow in plan.flows if flow.kg > 0]
        self._vents = [flow for flow in plan.flows if flow.kg < 0]
        self._leaks: list[tuple[str, float]] = []  # name, part of it
        self._inner = [name for name, leak in scenario.leaks.items() if leak.into is not None]
        self.leak_sections: list[str] = []
        exponents: list[float] = []
        inner: list[InnerLeak] = []
        for name, leak in scenario.leaks.items():
            sections = [leak.section] if isinstance(leak.section, str) else leak.section
            if leak.into is not None:
                ends = board.index[sections[0]], board.index[leak.into]
                inner.append(InnerLeak(*ends, leak.exponent))
            elif sections[0] not in scenario.loops:
                whole = sum(scenario.free_volume_m3(section) for section in sections)
                self._leaks += [(name, scenario.free_volume_m3(s) / whole) for s in sections]
                self.leak_sections += sections
                exponents += [leak.exponent] * len(sections)
        out_of = self.leak_sections + [vent.section for vent in self._vents]
        self.outlets = Outlets(
            np.array([board.index[section] for section in out_of], np.intp),
            np.array(exponents + [0.0] * len(self._vents)),
            tuple(inner),
        )

    def temperatures(self, thermal: Temperatures, times_s: Floats) -> tuple[Floats, Floats, Floats]:
        """Continue the random walks.

        Returns
        -------
        sensed_k, bulk_k : ndarray, shape (times, sections and loops)
            What thermometers see, and what the air really has; loops come after the sections.
        walk_pa : ndarray, shape (times, 4)
            Unforeseen change of each gas in each step, as a pressure of the main atmosphere.
        """
        sensed_k = thermal.at(times_s)
        for name, schedules in self._plan.warming_k.items():
            for schedule in schedules:
                sensed_k[:, self._column[name]] += schedule.at(times_s)
        drift = self._drift
        q = [drift.oxygen, drift.carbon_dioxide, drift.water, drift.temperature, drift.unseen]
        spread = np.sqrt(np.array(q) * self._step_s / S_PER_DAY)
        drawn = self._rng.standard_normal((len(times_s), 5)) * spread
        walked = np.add.accumulate(np.vstack((self._walked, drawn[:, 3:])))[1:]
        self._walked = walked[-1]
        walked_k = walked * gas.REFERENCE_K * PA_PER_MMHG / gas.REFERENCE_PA
        air = slice(None, len(self._board.index))
        sensed_k[:, air] += walked_k[:, [0]]
        walk_pa = np.zeros((len(times_s), 4))
        walk_pa[:, gas.O2 :] = drawn[:, :3] * PA_PER_MMHG
        bulk_k = sensed_k.copy()
        bulk_k[:, air] += walked_k[:, [1]]
        if drift.wander_k:
            bulk_k[:, air] += self._wander(len(times_s))
        return sensed_k, bulk_k, walk_pa

    def _wander(self, count: int) -> Floats:
        """Go on with what each place is warmer than its thermometer, K, shape (times, places).

        White noise through two lags of `wander_h`, so that it is smooth; at first there is none.
        """
        kept = np.exp(-self._step_s / 3600 / self._drift.wander_h)
        # The first lag alone has a spread that is larger by a root of two.
        spread = self._drift.wander_k * np.sqrt(2 * (1 - kept**2))
        drawn = spread * self._wandering_rng.standard_normal((count, len(self._board.index)))
        path: Floats = np.empty_like(drawn)
        first, second = self._wandered_k
        for i in range(count):
            first = kept * first + drawn[i]
            second = kept * second + (1 - kept) * first
            path[i] = second
        self._wandered_k = np.array((first, second))
        return path

    def on(
        self, layout: Layout, times_s: Floats, steps_s: Floats, bulk_k: Floats, walk_pa: Floats
    ) -> Forcing:
        """Gather what is done in the steps that end at each time while the hatches stand so."""
        middle_s = times_s - steps_s / 2
        days = steps_s / S_PER_DAY
        time_of_day = middle_s % S_PER_DAY
        asleep = (time_of_day >= SLEEP_FROM_S) | (time_of_day < SLEEP_UNTIL_S)
        people = self._plan.crew.at(middle_s) * np.where(asleep, ASLEEP, AWAKE) * days
        breath = BREATH_KG_PER_DAY / gas.MOLAR_MASS_KG_PER_MOL
        main_m3 = self._board.volume_m3 @ layout.groups[:, layout.main]
        mol_per_pa = main_m3 / (R_J_PER_MOL_K * gas.REFERENCE_K)
        made = people[:, np.newaxis] * breath + walk_pa * mol_per_pa
        given = made[:, :, np.newaxis] * layout.crew_share
        oxygen = self._plan.oxygen_kg_per_day.at(middle_s) * days
        lit = (middle_s % ORBIT_S < LIT * ORBIT_S) / LIT
        oxygen *= np.where(self._plan.oxygen_is_cyclic.at(middle_s) > 0, lit, 1.0)
        oxygen /= gas.MOLAR_MASS_KG_PER_MOL[gas.O2]
        given[:, gas.O2] += oxygen[:, np.newaxis] * layout.machine_share
        for supply in self._supplies:
            fractions = gas.DRY_AIR
            if supply.gas != "air":
                fractions = np.eye(4)[gas.GASES.index(supply.gas)]
            mol = supply.kg_between(times_s, steps_s) / (gas.MOLAR_MASS_KG_PER_MOL @ fractions)
            given[:, :, self._board.index[supply.section]] += mol[:, np.newaxis] * fractions
        leaks = self._plan.leaks_kg_per_day
        outlet = [leaks[name].at(middle_s) * days * part for name, part in self._leaks]
        outlet += [-vent.kg_between(times_s, steps_s) for vent in self._vents]
        inner = [leaks[name].at(middle_s) * days for name in self._inner]
        scrubbing = self._plan.co2_removal.at(middle_s)
        giving_back = times_s % HALF_CYCLE_S < GIVING_BACK_S
        taken = self._bed_pa * mol_per_pa * steps_s / (HALF_CYCLE_S - GIVING_BACK_S)
        # A third of the time as the time constant: at its end 95 % is back in the cabin.
        returned = 1 - np.exp(-steps_s / (GIVING_BACK_S / 3))
        return Forcing(
            steps_s=steps_s,
            temperature_k=bulk_k[:, : len(self._board.index)],
            given_mol=given,
            outlet_kg=np.array(outlet).reshape(len(outlet), len(times_s)).T.copy(),
            inner_kg=np.array(inner).reshape(len(inner), len(times_s)).T.copy(),
            scrubbing=scrubbing,
            bed_mol=np.where(giving_back, 0.0, taken) * scrubbing,
            bed_return=np.where(giving_back, returned, 0.0) * scrubbing,
        )
