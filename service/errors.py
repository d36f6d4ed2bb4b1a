"""The errors that a user can do something about.

HullwatchError
  x InputError   a file, an option or a message from outside that cannot be used
  x ConfigError  all faults of a config at once

Every one of them names the place, the problem and the remedy; a command that ends with one of
them exits with 2. Anything else that escapes is a bug.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where it stands, what it is, what to do about it.

    Examples
    --------
    >>> print(Fault("iss.yaml: sections.prk.volume_m3", "is 0", "give a positive volume"))
    iss.yaml: sections.prk.volume_m3: is 0; give a positive volume
    """

    place: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}; {self.remedy}"


class HullwatchError(Exception):
    """Anything that goes wrong outside this program's own code."""


class InputError(HullwatchError):
    """Something given from outside cannot be used at all."""

    def __init__(self, place: str, problem: str, remedy: str) -> None:
        self.fault = Fault(place, problem, remedy)
        super().__init__(place, problem, remedy)  # so that it comes whole out of a process

    def __str__(self) -> str:
        return str(self.fault)


class ConfigError(HullwatchError):
    """A config cannot be used; holds every fault found in it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)
