"""Judges the daemon itself, by what it is told of its sources, outputs and readings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.core.claims import daemon_claim
from service.core.rules import Figure, Part

TOLD_EVERY_S: Final = 60.0  # between two reports; a working output tries at least every 5 min
FRESH_S: Final = 5 * TOLD_EVERY_S  # what was told before is unknown
REST_S: Final = 600.0  # twice the longest pause between two attempts of an output
SPAN_S: Final = 3600.0  # over which refused readings are counted
LEAST_READINGS: Final = 100  # below, one bad message of ten readings would be a tenth of all


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What became of the records of an output since the daemon began, and how many wait now."""

    written: int
    failed: int
    dropped: int
    queued: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the daemon is, told to the core like readings, with its time of arrival.

    Attributes
    ----------
    sources : mapping of str to bool
        Whether each source is connected.
    outputs : mapping of str to Tally
    accepted, refused : int
        Readings since the daemon began.
    """

    received_s: float
    sources: dict[str, bool]
    outputs: dict[str, Tally]
    accepted: int
    refused: int


class HealthBook:
    """Since when what is wrong with the daemon."""

    def __init__(self) -> None:
        self._last: Health | None = None
        self._since_s: dict[Part, dict[str, float]] = {Part.SOURCES: {}, Part.OUTPUTS: {}}
        self._failed_s: dict[str, float] = {}  # when each output failed last
        self._counted: list[tuple[float, int, int]] = []  # until when, accepted, refused

    def take(self, now: Health) -> None:
        """Take note of a report."""
        before = self._last
        self._last = now
        for name, is_up in now.sources.items():
            self._mark(Part.SOURCES, name, now.received_s, is_wrong=not is_up)
        for name, tally in now.outputs.items():
            was = before.outputs.get(name) if before is not None else None
            is_wrong = self._fails(name, was, tally, now.received_s)
            if is_wrong is not None:
                self._mark(Part.OUTPUTS, name, now.received_s, is_wrong=is_wrong)
        for part, names in ((Part.SOURCES, now.sources), (Part.OUTPUTS, now.outputs)):
            known = self._since_s[part].items()
            self._since_s[part] = {name: at_s for name, at_s in known if name in names}
        is_anew = before is None or now.accepted + now.refused < before.accepted + before.refused
        new = (
            (now.accepted, now.refused)
            if before is None or is_anew
            else (now.accepted - before.accepted, now.refused - before.refused)
        )
        kept = [entry for entry in self._counted if entry[0] > now.received_s - SPAN_S]
        self._counted = [*kept, (now.received_s, *new)]

    def figure(self, part: Part, at_s: float) -> Figure | None:
        """Return for how long something of a part has been wrong, s, or the share of refused readings.

        None = unknown.
        """
        if self._last is None or at_s - self._last.received_s > FRESH_S:
            return None
        if part is Part.READINGS:
            return self._refused()
        since_s = self._since_s[part]
        value = at_s - min(since_s.values()) if since_s else 0.0
        return Figure(
            value=value,
            low=value,
            high=value,
            subjects=frozenset(since_s),
            claim=daemon_claim(part, since_s),
        )

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {
            "last": self._last,
            "since_s": {part: dict(since_s) for part, since_s in self._since_s.items()},
            "failed_s": dict(self._failed_s),
            "counted": list(self._counted),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self._last = state["last"]
        self._since_s = {part: dict(since_s) for part, since_s in state["since_s"].items()}
        self._failed_s = dict(state["failed_s"])
        self._counted = list(state["counted"])

    def _mark(self, part: Part, name: str, at_s: float, *, is_wrong: bool) -> None:
        if is_wrong:
            self._since_s[part].setdefault(name, at_s)
        else:
            self._since_s[part].pop(name, None)

    def _fails(self, name: str, before: Tally | None, now: Tally, at_s: float) -> bool | None:
        """Say whether an output failed since it was last looked at; None = that is not known.

        What tries nothing for long, because nothing waits, fails no more.
        """
        if before is None or now.written < before.written or now.failed < before.failed:
            before = Tally(written=0, failed=0, dropped=0)
        if now.written > before.written and now.dropped <= before.dropped:
            return False
        if now.failed > before.failed or now.dropped > before.dropped:
            self._failed_s[name] = at_s
            return True
        is_idle = not now.queued and at_s - self._failed_s.get(name, -REST_S) >= REST_S
        return False if is_idle else None

    def _refused(self) -> Figure | None:
        accepted, refused = (sum(entry[i] for entry in self._counted) for i in (1, 2))
        if accepted + refused < LEAST_READINGS:
            return None
        share = refused / (accepted + refused)
        claim = f"{share:.0%} of the readings of the last hour were refused ({refused} of them)"
        return Figure(value=share, low=share, high=share, claim=claim)
