"""Prints how often the growth test passes a level by chance, on noise that matches its model.

Run `python -m tests.detection.calibrate`; `service/core/thresholds.py` holds the fitted line.
"""

import argparse

import click
import numpy as np

from service.core.accounts import BALANCED_MMHG_PER_DAY, LEAST_GROWTH_MMHG_PER_DAY, PRIOR_MMHG
from service.core.estimators import LeakFilter
from service.core.growth import DISCRIMINATION, ChangeBank
from service.core.noise import CORRELATION_S, NoiseModel
from service.core.units import S_PER_DAY
from service.core.views import Balance

LEVELS = np.arange(4.0, 14.0, 0.5)
SETTLE_DAYS = 3.0  # before it the rate is not known; not counted
APART_S = 2 * S_PER_DAY  # passings nearer than this are one


def false_alarms_per_day(
    balance: Balance, spacing_s: float, days: float, stations: int, seed: int
) -> np.ndarray:
    """Return the rate of chance passings of each level, 1/day, for one balance in mmHg."""
    white, correlated, walk = PRIOR_MMHG[balance]
    noise = NoiseModel(
        white_var=white**2,
        correlated_var=correlated**2,
        walk_var_per_s=walk / S_PER_DAY,
        imbalance_var=(BALANCED_MMHG_PER_DAY / S_PER_DAY) ** 2,
    )
    rng = np.random.default_rng(seed)
    leaks, bank = LeakFilter(), ChangeBank()
    for _ in range(stations):
        leaks.start(0.0, 0.0, 0.0, 0.3 / S_PER_DAY, noise)
        bank.append()
    decay = np.exp(-spacing_s / CORRELATION_S)
    mass = np.zeros(stations)
    disturbance = rng.normal(0.0, correlated, stations)
    used = np.ones(stations, np.bool_)
    least = np.full(stations, LEAST_GROWTH_MMHG_PER_DAY / S_PER_DAY)
    last = np.full((len(LEVELS), stations), -np.inf)
    count = np.zeros(len(LEVELS))
    steps = round(days * S_PER_DAY / spacing_s)
    for number in range(1, steps + 1):
        now = np.full(stations, number * spacing_s)
        mass += rng.normal(0.0, np.sqrt(walk / S_PER_DAY * spacing_s), stations)
        kick = correlated * np.sqrt(1.0 - decay * decay)
        disturbance = decay * disturbance + rng.normal(0.0, kick, stations)
        seen = mass + disturbance + rng.normal(0.0, white, stations)
        before = leaks.time_s.copy()
        bank.update(*leaks.update(now, seen, np.zeros(stations), used), used)
        bank.breed(now, before, used)
        if now[0] < SETTLE_DAYS * S_PER_DAY:
            continue
        up, _, jump = bank.scores(least)
        over = (up[None] >= LEVELS[:, None]) & (up >= jump + DISCRIMINATION)[None]
        fresh = over & (now[0] - last > APART_S)
        count += fresh.sum(axis=1)
        last[over] = now[0]
    return count / (stations * (days - SETTLE_DAYS))


def main() -> None:
    """Print the passings per day of both balances and the line through their logarithm."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--days", type=float, default=63.0)
    parser.add_argument("--stations", type=int, default=64)
    args = parser.parse_args()
    for balance, spacing_s in ((Balance.NITROGEN, 420.0), (Balance.TOTAL, 60.0)):
        rate = false_alarms_per_day(balance, spacing_s, args.days, args.stations, seed=1)
        usable = rate > 10.0 / (args.stations * args.days)
        slope, level = np.polyfit(-np.log(rate[usable]), LEVELS[usable], 1)
        click.echo(f"{balance.value}: threshold = {level:.2f} + {slope:.2f} ln(days)")
        for level_at, per_day in zip(LEVELS, rate, strict=True):
            click.echo(f"  {level_at:5.1f}  {per_day:.5f} per day")


if __name__ == "__main__":
    main()
