"""Turns settings into the station and the policy of the core; everything is SI from here on."""

from dataclasses import replace
from typing import assert_never

from service.core.events import RuleKind, Severity
from service.core.intake import ClockMode
from service.core.monitor import Policy
from service.core.rules import Handover, Part, Rule, Side, Variant
from service.core.station import (
    Channel,
    ChannelKind,
    Hatch,
    Loop,
    Meaning,
    Section,
    Station,
    dimension_of,
)
from service.core.units import PA_PER_MMHG, S_PER_DAY, unit_of
from service.settings import rules, schema, stations
from service.settings.overrides import overridden

S_PER_H = 3600.0
S_PER_MIN = 60.0


def station_of(settings: schema.Settings) -> Station:
    """Return the station that the settings describe."""
    return Station(
        name=settings.station,
        sections=tuple(
            Section(name=name, volume_m3=section.volume_m3, volume_sd_m3=section.volume_sd_m3)
            for name, section in settings.sections.items()
        ),
        loops=tuple(
            Loop(
                name=name,
                floor_kg=loop.floor_kg,
                coolant_kg=loop.coolant_kg,
                accumulator_m3=None if loop.accumulator_l is None else loop.accumulator_l / 1000.0,
                precharge_pa=None if loop.precharge_kpa is None else loop.precharge_kpa * 1000.0,
                density_kg_per_m3=loop.density_kg_per_m3,
                expansion_per_k=loop.expansion_per_k,
            )
            for name, loop in settings.loops.items()
        ),
        hatches=tuple(
            Hatch(name=name, between=hatch.between, state=hatch.state)
            for name, hatch in settings.hatches.items()
        ),
        channels=tuple(_channel(name, channel) for name, channel in settings.channels.items()),
        accepted_leak_kg_per_s=settings.accepted_leak_kg_per_day / S_PER_DAY,
    )


def policy_of(settings: schema.Settings) -> Policy:
    """Return how the monitor of these settings works."""
    floors = settings.floors
    return Policy(
        rules=tuple(
            replace(
                _rule(rule.rule),
                variants=tuple(
                    Variant(within=within, rule=_rule(changed) if changed else None)
                    for within, changed in rule.within
                ),
            )
            for rule in overridden(settings)
            if rule.rule is not None
        ),
        clock=ClockMode(settings.clock),
        false_alarm_interval_s=settings.growth.false_alarm_interval_days * S_PER_DAY,
        floors_pa={
            "evacuation": floors.evacuation_mmhg * PA_PER_MMHG,
            "certification": floors.certification_mmhg * PA_PER_MMHG,
            "flight_rule": floors.flight_rule_mmhg * PA_PER_MMHG,
        },
        past_s=settings.time.plausible_past_days * S_PER_DAY,
        ahead_s=settings.time.plausible_ahead_s,
        stale_s=settings.time.stale_s,
        estimate_every_s=settings.estimates.every_s,
        single_sensor_emergency=settings.single_sensor_emergency,
        modes=settings.modes,
        chains={
            severity: tuple(
                Handover(after_s=step.after_s, notification=step.notification) for step in steps
            )
            for severity, steps in settings.escalation.items()
        },
    )


def _channel(name: str, channel: stations.Channel) -> Channel:
    scale = unit_of(
        channel.unit, dimension_of(channel.kind, channel.unit)
    ).scale  # a spread has no offset
    return Channel(
        name=name,
        section=channel.section,
        kind=channel.kind,
        unit=channel.unit,
        noise=None if channel.noise is None else channel.noise * scale,
        step=None if channel.step is None else channel.step * scale,
        period_s=channel.period_s,
        means=None if channel.means is None else _meaning(channel.means),
    )


def _meaning(means: stations.Meaning) -> Meaning:
    return Meaning(
        activity=means.activity,
        on=means.on,
        off=means.off,
        scale=1.0 if means.unit is None else unit_of(means.unit, "mass_rate").scale,
    )


def _rule(rule: rules.Rule) -> Rule:
    side, quantity, floor = Side.ABOVE, ChannelKind.PRESSURE, "evacuation"
    part, margin = Part.SOURCES, 0.0
    match rule:
        case rules.Limit():
            side = Side.BELOW if rule.below_mmhg or rule.below_kg else Side.ABOVE
            written, scale = rule.below_mmhg or rule.above_mmhg or {}, PA_PER_MMHG
            margin, quantity = rule.clear_margin_mmhg, ChannelKind(rule.quantity)
            if quantity is ChannelKind.QUANTITY:
                written, scale = rule.below_kg or rule.above_kg or {}, 1.0
                margin = rule.clear_margin_kg
        case rules.PressureRate():
            written, scale = rule.fall_mmhg_per_min, PA_PER_MMHG / S_PER_MIN
            margin = rule.clear_margin_mmhg_per_min
        case rules.LeakRate():
            written, scale = rule.above_accepted_kg_per_day, 1.0 / S_PER_DAY
            margin = rule.clear_margin_kg_per_day
        case rules.LeakGrowth():
            written, scale = rule.at_least_kg_per_day, 1.0 / S_PER_DAY
        case rules.ReserveTime():
            written, scale = rule.below_h, S_PER_H
            margin, floor = rule.clear_margin_h, rule.floor
        case _:
            part, written, scale = _of_instruments(rule)
    return Rule(
        name=rule.name,
        kind=RuleKind(rule.kind),
        thresholds={severity: figure * scale for severity, figure in written.items()},
        side=side,
        sections=frozenset(rule.sections),
        medium=rule.medium,
        quantity=quantity,
        floor=floor,
        part=part,
        hold_s=rule.hold_s,
        hold_within_s=rule.hold_within_s,
        keep_firing_s=rule.keep_firing_s,
        latches=rule.latches,
        suppressed_by=frozenset(rule.suppressed_by),
        suppressed_while=dict(rule.suppressed_while),
        modes=frozenset(rule.modes),
        not_alone=rule.not_alone,
        clear_margin=margin * scale,
        response=rule.response,
        runbook=rule.runbook,
        notification=rule.notification,
    )


def _of_instruments(
    rule: rules.Silence
    | rules.FrozenValue
    | rules.SensorDisagreement
    | rules.IsolationResult
    | rules.DaemonHealth,
) -> tuple[Part, dict[Severity, float], float]:
    """Return which part of the daemon a rule looks at, its thresholds and what turns them into SI."""
    match rule:
        case rules.Silence():
            return Part.SOURCES, rule.silent_s, 1.0
        case rules.FrozenValue():
            return Part.SOURCES, rule.still_s, 1.0
        case rules.SensorDisagreement():
            return Part.SOURCES, rule.apart_mmhg, PA_PER_MMHG
        case rules.IsolationResult():
            return Part.SOURCES, rule.probability_percent, 0.01
        case rules.DaemonHealth():
            if rule.source_down_s is not None:
                return Part.SOURCES, rule.source_down_s, 1.0
            if rule.output_failing_s is not None:
                return Part.OUTPUTS, rule.output_failing_s, 1.0
            return Part.READINGS, rule.refused_percent or {}, 0.01
        case _:
            assert_never(rule)
