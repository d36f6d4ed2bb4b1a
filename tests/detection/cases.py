"""Single cases of the shipped suite of growing leaks."""

from pathlib import Path

from service.scoring.suites import Case, cases_of, read_suite

SUITE = Path(__file__).parents[2] / "config" / "suites" / "growth.yaml"


def case_of(family: str, level: str, seed: int) -> Case:
    """Return the case of a family at one noise level with one seed."""
    cases = cases_of(read_suite(SUITE), seed + 1, [family])
    return next(case for case in cases if case.name == f"{family}-{level}-{seed}")
