"""Books what warms and cools sections and loops: thermostats, beta angle, an air conditioner."""

from typing import Any, Final

import numpy as np

from simulators import entries, gas
from simulators.messages import Message, message_of
from simulators.plan import Flow, Plan, Schedule
from simulators.schema import Scenario

SWING_KNOTS: Final = 48  # of a swing of the beta angle; straight between them to 0.2 %


def warm(
    plan: Plan, scenario: Scenario, entry: entries.ThermalEntry | entries.BetaSwingEntry
) -> list[Message]:
    """Book a change of temperatures; that of a thermostat is told with the mean it leads to."""
    at_s = entry.at.timestamp()
    if isinstance(entry, entries.BetaSwingEntry):
        period_s = entry.period_days * gas.S_PER_DAY
        for section in entry.sections:
            swing = Schedule()
            knots_s = np.arange(at_s, entry.until.timestamp(), period_s / SWING_KNOTS)
            swing.times_s = [*knots_s.tolist(), entry.until.timestamp()]
            phase = 2 * np.pi * (np.array(swing.times_s) - at_s) / period_s
            swing.values = (entry.amplitude_k * np.sin(phase)).tolist()
            plan.warming_k[section].append(swing)
        return []
    steps = [(at_s, entry.change_k)]
    if entry.until is not None:
        steps.append((entry.until.timestamp(), 0.0))
    messages = []
    for section in entry.sections:
        offset = Schedule()
        offset.change(at_s, 0.0)
        others = sum(schedule.values[-1] for schedule in plan.warming_k[section])
        mean = (scenario.sections | scenario.loops)[section].temperature_degc + others
        for moment_s, change_k in steps:
            offset.change(moment_s, change_k, entry.over_h * 3600)
            about: dict[str, Any] = {"section": section, "state": "value", "unit": "degC"}
            about["value"] = round(mean + change_k, 3)
            messages.append(message_of(entry, moment_s, activity="thermal_setpoint", **about))
        plan.warming_k[section].append(offset)
    return messages


def dry_out(plan: Plan, entry: entries.DryOutEntry) -> list[Message]:
    """Book the warmth and the vapour of an air conditioner that dries out."""
    at_s, over_s = entry.at.timestamp(), entry.over_h * 3600
    warm = Schedule()
    warm.change(at_s, 0.0)
    warm.change(at_s, entry.warming_k, over_s / 4)
    warm.change(at_s + over_s, 0.0, over_s / 4)
    plan.warming_k[entry.section].append(warm)
    if entry.water_kg:
        stop_s = at_s + over_s
        vapour = Flow(
            start_s=at_s, stop_s=stop_s, section=entry.section, kg=entry.water_kg, gas="H2O"
        )
        plan.flows.append(vapour)
    about: Message = {"activity": "note", "section": entry.section}
    return [
        message_of(entry, **about, state="start"),
        message_of(entry, at_s + over_s, **about, state="stop"),
    ]
