"""Spells out an outing through an airlock as moves of its two hatches, and what is said of it."""

from typing import Final

import numpy as np

from simulators import gas
from simulators.entries import EvaEntry
from simulators.gas import PA_PER_MMHG
from simulators.messages import Message, message_of
from simulators.plan import HatchMove, Pump
from simulators.references import airlock_of
from simulators.schema import Scenario

VENT_S: Final = 600.0  # from the end of pumping until the outer hatch opens; an estimate
FILL_S: Final = 1800.0  # from the closing of the outer hatch until the inner one opens; an estimate
# A pump that comes near its end pressure a little before its time: an estimate.
PUMPED_BY: Final = 0.9


def outing(scenario: Scenario, entry: EvaEntry) -> tuple[list[HatchMove], list[Message]]:
    """Give the moves of both hatches and the messages, with the air that is lost and drawn."""
    airlock = airlock_of(scenario, entry) or ""
    volume_m3 = scenario.free_volume_m3(airlock)
    cabin_pa = scenario.air.pressure_mmhg * PA_PER_MMHG
    left_pa = min((entry.pump_to_mmhg or np.inf) * PA_PER_MMHG, cabin_pa)
    shut_s = entry.at.timestamp()
    vent_s = shut_s + (entry.pump_min * 60 if left_pa < cabin_pa else 0.0)
    out_s = vent_s + VENT_S
    in_s = out_s + entry.hours * 3600
    home_s = in_s + FILL_S
    moves: list[HatchMove] = [
        (shut_s, entry.hatch, "closed"),
        (vent_s, entry.hatch, "closed"),
        (vent_s, entry.outer_hatch, "equalising"),
        (out_s, entry.outer_hatch, "open"),
        (in_s, entry.outer_hatch, "closed"),
        (in_s, entry.hatch, "equalising"),
        (home_s, entry.hatch, "open"),
    ]
    if left_pa < cabin_pa:
        m3_per_s = volume_m3 * np.log(cabin_pa / left_pa) / (PUMPED_BY * (vent_s - shut_s))
        pump = Pump(airlock=airlock, stops_at_pa=left_pa, m3_per_s=float(m3_per_s))
        moves[0] = (shut_s, entry.hatch, pump)
    kg_per_pa = volume_m3 / (gas.R_J_PER_MOL_K * gas.REFERENCE_K)
    kg_per_pa *= float(gas.MOLAR_MASS_KG_PER_MOL @ gas.DRY_AIR)
    lost = {"value": round(left_pa * kg_per_pa, 3), "unit": "kg"}
    drawn = {"value": round(cabin_pa * kg_per_pa, 3), "unit": "kg"}
    at: Message = {"section": airlock, "gas": "air"}
    down: Message = {"activity": "airlock_depressurisation", **at}
    up: Message = {"activity": "airlock_repressurisation", **at}
    said: list[tuple[float, Message]] = [
        (shut_s, {"activity": "hatch", "hatch": entry.hatch, "state": "closed"}),
        (shut_s, {**down, "state": "start", **lost}),
        (out_s, {**down, "state": "stop"}),
        (out_s, {"activity": "hatch", "hatch": entry.outer_hatch, "state": "open"}),
        (out_s, {"activity": "eva", "section": airlock, "state": "start"}),
        (in_s, {"activity": "eva", "section": airlock, "state": "stop"}),
        (in_s, {"activity": "hatch", "hatch": entry.outer_hatch, "state": "closed"}),
        (in_s, {**up, "state": "start", **drawn}),
        (home_s, {**up, "state": "stop"}),
        (home_s, {"activity": "hatch", "hatch": entry.hatch, "state": "open"}),
    ]
    return moves, [message_of(entry, at_s, **message) for at_s, message in said]
