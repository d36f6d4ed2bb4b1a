"""Says what closed hatches have shown, in words for tired people."""

from collections.abc import Mapping, Sequence

from service.core.events import ClosedSide
from service.core.units import PA_PER_MMHG
from service.core.wording import named, span


def ranked(suspects: Mapping[str, float]) -> str:
    """Return the three likeliest sections.

    Examples
    --------
    >>> ranked({"zvezda": 0.2, "prk": 0.7, "pirs": 0.1})
    'prk 70%, zvezda 20%, pirs 10%'
    """
    best = sorted(suspects.items(), key=lambda item: -item[1])[:3]
    return ", ".join(f"{name} {share:.0%}" for name, share in best)


def seen(sides: Sequence[ClosedSide], hatches: Sequence[str], hours: float) -> str:
    """Return what was shut, for how long, and what each side did."""
    told = [
        f"{named(side.sections)} lost {side.leak_rate_kg_per_day:.2f} kg/day "
        f"({side.leak_rate_low:.2f} to {side.leak_rate_high:.2f})"
        for side in sides
        if side.leak_rate_kg_per_day is not None
    ]
    unread = [name for s in sides if s.leak_rate_kg_per_day is None for name in s.sections]
    if unread:
        told.append(f"{named(unread)} could not be read")
    return f"{named(hatches)} shut for {span(3600.0 * hours)}: {'; '.join(told)}."


def too_small(
    lost_kg_per_day: float, least_kg_per_day: float, volume_m3: float, hours: float
) -> str:
    """Return why a closure was too short for the leak."""
    return (
        f"{span(3600.0 * hours)} in {volume_m3:.0f} m3 show a leak from {least_kg_per_day:.2f} "
        f"kg/day on, and the station lost {lost_kg_per_day:.2f} kg/day in all"
    )


def phantom(section: str, rate_kg_per_day: float, whole_kg_per_day: float) -> str:
    """Return why a loss is doubted that the whole does not see."""
    return (
        f"{section}, shut off, seems to lose {rate_kg_per_day:.2f} kg/day, but the whole station "
        f"lost only {whole_kg_per_day:.2f} kg/day before. Phantom: not seen by the whole, and no "
        "more than a wrong temperature would fake. Measure its temperature before believing it."
    )


def fed(section: str, pressure_pa: float, neighbour: str, above_pa: float) -> str:
    """Return why a steady pressure need not mean that a section is sealed."""
    return (
        f"{section}, shut off, holds {pressure_pa / PA_PER_MMHG:.0f} mmHg while {neighbour} has "
        f"{above_pa / PA_PER_MMHG:.0f}: sealed, or fed past the seal of its hatch as fast as it "
        "leaks. Raise its pressure and see whether it falls back to this value."
    )
