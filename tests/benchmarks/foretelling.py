"""How well noise that was learned foretells the noise to come, by how much the prior counts.

Run it with `.venv/bin/python -m tests.benchmarks.foretelling`; it takes months of simulated cabins in
which nothing leaks more than before. The divergence is that of Itakura and Saito, of the variances of
second differences at 1.5 to 20 h that are seen from those foretold: 0 is perfect, 0.05 is a
third more than foretold.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from service.core import noise
from service.core.estimators import OXYGEN_SHARE
from service.core.monitor import Monitor
from service.core.noise import AIR_PARTS, AirNoise, Record, fit_air_noise
from service.core.units import S_PER_DAY
from service.core.views import Balance
from service.scoring.simulated import recorded
from service.scoring.suites import Case, cases_of, read_suite

SUITE = Path("config/suites/growth.yaml")
FAMILIES = ("quiet", "trap")
WEIGHTS = (0.0625, 0.25, 1.0, 4.0)
LEARNED_DAYS = (0.1, 0.5, 2.0, 4.0, 8.0)
SPANS_H = (1.5, 20.0)
DAYS = 16.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What noise was learned from where people live, and what is believed before."""

    records: tuple[Record, ...]  # of the whole, of nitrogen and of oxygen
    prior: AirNoise

    def between(self, first_day: float, last_day: float) -> list[Record]:
        """Return the part of the records between two days."""
        cut = []
        for record in self.records:
            first, last = (int(day * S_PER_DAY / record.spacing_s) for day in (first_day, last_day))
            cut.append(Record(values=record.values[first:last], spacing_s=record.spacing_s))
        return cut

    def learned(self, days: float, prior_weight: float) -> AirNoise:
        """Return the noise that the first days tell of."""
        total, nitrogen, oxygen = self.between(0.0, days)
        fitted, _ = fit_air_noise(
            total, nitrogen, oxygen, self.prior, prior_weight=prior_weight, share=OXYGEN_SHARE
        )
        return fitted

    def divergence(self, foretold: AirNoise, from_day: float) -> float:
        """Return how far what is seen from a day on is from what was foretold."""
        strengths = np.array([foretold.parts()[name] for name in AIR_PARTS])
        apart, weights = [], []
        mixtures = noise._mixtures(OXYGEN_SHARE)
        for record, mixture in zip(self.between(from_day, DAYS), mixtures, strict=True):
            seen, counts = noise._second_differences(record.values)
            believed = noise._shapes(len(seen), record.spacing_s) @ mixture @ strengths
            spans_h = record.spacing_s / 3600.0 * np.exp2(np.arange(len(seen)))
            ratio = np.maximum(seen, 1e-300) / believed
            told = (spans_h >= SPANS_H[0]) & (spans_h <= SPANS_H[1])
            apart.append((ratio - np.log(ratio) - 1.0)[told])
            weights.append(np.array(counts)[told])
        return float(np.average(np.concatenate(apart), weights=np.concatenate(weights)))


def month(case: Case) -> Month | None:
    """Return what the core knows after some days of a case; None if it never heard of oxygen."""
    recording = recorded(case)
    monitor = Monitor(recording.station, recording.policy)
    end_s = float(recording.samples.time_s[0]) + DAYS * S_PER_DAY
    until = int(np.searchsorted(recording.samples.received_s, end_s))
    monitor.observe(recording.samples[:until])
    monitor.declare([a for a in recording.activities if a.received_s < end_s])
    monitor.advance(end_s)
    book = monitor._leaks
    lived_in = (
        account
        for account in book.accounts
        if book.home in account.key[0] and account.key[1] is Balance.TOTAL and account.sees_oxygen
    )
    account = next(lived_in, None)
    if account is None:
        return None
    spaced = (
        (account.history, account.spacing_s),
        (account.nitrogen, account.nitrogen_spacing_s),
        (account.oxygen, account.nitrogen_spacing_s),
    )
    records = tuple(Record(values=np.array(kept), spacing_s=each) for kept, each in spaced)
    return Month(records=records, prior=book._prior(account))


def months(seeds: int) -> Iterator[Month]:
    """Yield the months of so many seeds, and say which is simulated."""
    for case in cases_of(read_suite(SUITE), seeds, list(FAMILIES)):
        click.echo(case.name, err=True)
        found = month(case)
        if found is not None:
            yield found


@click.command()
@click.option("--seeds", default=1, show_default=True, help="Stations of each family and level.")
def main(seeds: int) -> None:
    """Print the divergence by weight of the prior and days that were learned from."""
    seen = list(months(seeds))
    click.echo(f"{len(seen)} months; divergence by days learned from")
    click.echo("weight " + "".join(f"{days:>8g}" for days in LEARNED_DAYS))
    for weight in WEIGHTS:
        means = [
            np.mean([m.divergence(m.learned(days, weight), days) for m in seen])
            for days in LEARNED_DAYS
        ]
        click.echo(f"{weight:<7g}" + "".join(f"{mean:8.3f}" for mean in means))


if __name__ == "__main__":
    main()
