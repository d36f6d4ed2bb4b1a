"""Advances the gas of all sections step by step while the hatches stand still."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators import gas
from simulators.gas import CO2, H2O, MOLAR_MASS_KG_PER_MOL, PA_PER_MMHG, R_J_PER_MOL_K, Floats
from simulators.passages import TRACE_PA, Air, InnerLeak, Passage
from simulators.schema import LifeSupport

# Composition evens out with this time constant: after an O2 repressurisation in 2015 the ppO2 of
# Columbus rose for about six hours (telemetry published with Astro Pi).
MIXING_S: Final = 7200.0
# What a machine gives off stays this much in its own module; the rest leaves with the ventilation
# between modules, 66 L/s (SAE 951631): 75 m3 are exchanged in 19 minutes.
LOCAL_SHARE: Final = 19 * 60 / MIXING_S
# What the condensing heat exchangers are held at: an estimate inside the 4.4 to 15.6 degC of dew
# point that NASA SSP 41000 allows.
COIL_PA: Final = float(gas.saturation_pressure_pa(np.array(gas.ZERO_CELSIUS_K + 8.0)))
# A hole that takes more of a section's air than this in a step draws on its whole atmosphere.
GUSH: Final = 2e-4


@dataclass(frozen=True, slots=True)
class Layout:
    """Which sections share air, as arrays."""

    member: NDArray[np.intp]  # atmosphere of each section
    groups: Floats  # (sections, atmospheres), ones and zeros
    main: int  # the atmosphere with the largest volume, where people and machines are
    crew_share: Floats  # of what people do, by section
    machine_share: Floats  # of what the machines do, by section
    passages: tuple[Passage, ...]  # hatches that let air through and are not open


@dataclass(frozen=True, slots=True)
class Forcing:
    """What is done to the air in each of n steps, whatever the air is like."""

    steps_s: Floats  # (n,), how long each is
    temperature_k: Floats  # (n, sections), the bulk temperature
    given_mol: Floats  # (n, 4, sections), amounts brought in; negative = breathed
    outlet_kg: Floats  # (n, outlets), flow of each outlet at the reference pressure, per step
    inner_kg: Floats  # (n, inner leaks), the same of each leak into a neighbour
    scrubbing: Floats  # (n,), 1 while the CO2 machine runs, else 0
    bed_mol: Floats  # (n,), air that the CO2 machine takes in per step
    bed_return: Floats  # (n,), share of what it holds that it gives back in the step


@dataclass(frozen=True, slots=True)
class Outlets:
    """The ways out to space: leaks, and vents whose flow does not depend on pressure."""

    section: NDArray[np.intp]
    exponent: Floats
    inner: tuple[InnerLeak, ...] = ()


@dataclass(slots=True)
class Cabin:
    """The air of a station and the books on where it went.

    Every mole is in `amounts`, in `bed`, or in one of the books: per gas
    amounts + bed = amounts at first + given - lost - removed.
    """

    volume_m3: Floats
    life_support: LifeSupport
    outlets: Outlets
    amounts: Floats  # mol, (4, sections)
    bed: Floats = field(default_factory=lambda: np.zeros(4))
    given: Floats = field(default_factory=lambda: np.zeros(4))
    lost: Floats = field(default_factory=lambda: np.zeros(4))
    removed: Floats = field(default_factory=lambda: np.zeros(4))

    def advance(self, forcing: Forcing, layout: Layout) -> tuple[Floats, Floats, Floats]:
        """Take the steps of a forcing.

        Returns
        -------
        amounts : ndarray, shape (n, 4, sections)
            mol, after each step.
        flow_kg : ndarray, shape (n, outlets)
            What left through each outlet in each step.
        crept_kg : ndarray, shape (n, sections)
            What left each section across shut hatches, negative where it came in.
        """
        steps = len(forcing.temperature_k)
        after = np.empty((steps, *self.amounts.shape))
        flows = np.empty(forcing.outlet_kg.shape)
        crept = np.zeros((steps, len(self.volume_m3)))
        per_mol = R_J_PER_MOL_K * forcing.temperature_k / self.volume_m3  # Pa per mol
        room = 1.0 / per_mol
        mixed = 1.0 - np.exp(-forcing.steps_s / MIXING_S)
        in_main = layout.groups[:, layout.main]
        main_room = room @ in_main
        # No machine takes more in a step than there is.
        co2_pull, h2o_pull = np.minimum(self._pulls_mol_per_pa(forcing), main_room)
        machine = int(np.argmax(layout.machine_share))
        outlets = self.outlets
        spread = np.eye(len(self.volume_m3))[outlets.section]
        amounts = self.amounts
        for k in range(steps):
            amounts = amounts + forcing.given_mol[k]
            total = amounts.sum(axis=0)
            pressure = total * per_mol[k]
            flow = gas.power_law_flow(
                forcing.outlet_kg[k], pressure[outlets.section], outlets.exponent
            )
            flows[k] = flow
            share = flow @ spread / (MOLAR_MASS_KG_PER_MOL @ amounts)
            air = Air(
                amounts, self.lost, pressure, room[k], layout.member, float(forcing.steps_s[k])
            )
            if share.max(initial=0.0) < GUSH:
                lost = amounts * share
                amounts -= lost
                self.lost += lost.sum(axis=1)
            else:
                flows[k] = self._gush(air, flow)
            co2_pa, h2o_pa = (amounts[CO2:] @ in_main) / main_room[k]
            co2_mol = co2_pull[k] * co2_pa
            h2o_mol = h2o_pull[k] * max(h2o_pa - COIL_PA, 0.0)
            amounts[CO2] -= co2_mol * layout.machine_share
            amounts[H2O] -= h2o_mol * layout.crew_share
            self.removed[CO2] += co2_mol
            self.removed[H2O] += h2o_mol
            exchanged = amounts[:, machine] * (forcing.bed_mol[k] / total[machine])
            exchanged = exchanged - self.bed * forcing.bed_return[k]
            amounts[:, machine] -= exchanged
            self.bed += exchanged
            for passage in layout.passages:
                passage.let_through(air, crept[k])
            for i, leak in enumerate(outlets.inner):
                leak.let_through(air, crept[k], float(forcing.inner_kg[k, i]))
            amounts = gas.mix(amounts, mixed[k], layout.member, layout.groups)
            amounts = gas.equalise(amounts, room[k], layout.member, layout.groups)
            after[k] = amounts
        self.given += forcing.given_mol.sum(axis=(0, 2))
        self.amounts = amounts
        return after, flows, crept

    def _gush(self, air: Air, flow_kg: Floats) -> Floats:
        """Take what big holes let out from their whole atmospheres; give the kg of each.

        For m = C p^n and a pressure that falls meanwhile, the share that leaves in a step is
        1 - (1 + (n - 1) r)^(1 / (1 - n)), where r is what would leave at the first pressure.
        """
        left_kg = np.zeros_like(flow_kg)
        for i in np.flatnonzero(flow_kg).tolist():
            section = int(self.outlets.section[i])
            together = air.member == air.member[section]
            kg = float((MOLAR_MASS_KG_PER_MOL @ air.amounts[:, together]).sum())
            r, n = flow_kg[i] / kg, self.outlets.exponent[i]
            base = max(1.0 + (n - 1.0) * r, 0.0)
            share = -np.expm1(-r) if n == 1.0 else 1.0 - base ** (1.0 / (1.0 - n))
            share = min(share, 1.0 - TRACE_PA / max(air.pressure_of(section), TRACE_PA))
            left_kg[i] = kg * share
            air.move(section, None, float(share))
        return left_kg

    def _pulls_mol_per_pa(self, forcing: Forcing) -> tuple[Floats, Floats]:
        """Convert the strength of the machines to moles of CO2 and of water per Pa and step."""
        per_step = forcing.steps_s / gas.S_PER_DAY / PA_PER_MMHG
        machines = self.life_support
        co2 = machines.co2_removal_kg_per_day_per_mmhg * per_step / MOLAR_MASS_KG_PER_MOL[CO2]
        h2o = machines.condensation_kg_per_day_per_mmhg * per_step / MOLAR_MASS_KG_PER_MOL[H2O]
        return co2 * forcing.scrubbing, h2o
