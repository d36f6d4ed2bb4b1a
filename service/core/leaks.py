"""Finds in the accounts when a leak has grown, gone, or gas was moved, and keeps the growths open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.accounts import ARM_STEPS, Group, Key, Ledger
from service.core.air import AirReading
from service.core.conditions import MIXING_S
from service.core.estimators import RATE
from service.core.growth import DISCRIMINATION, Change, ChangeBank
from service.core.thresholds import threshold
from service.core.units import S_PER_DAY
from service.core.views import Balance

JUMP_THRESHOLD: Final = 14.0  # log-likelihood; a chance in a million a candidate
JUMP_STEPS: Final = 3  # balances after a jump before it is told from a leak
REMOVAL_CYCLE_S: Final = 8640.0  # half-cycle of the CDRA; Knox et al., ICES papers on CDRA
MOVED_GAS: Final = 20.0 / S_PER_DAY  # kg/s; airlocks, vestibules and vents move more for a while
BRIEF_GAS: Final = 5.0 / S_PER_DAY  # kg/s; more is looked at for an hour, and for an end
BRIEF_S: Final = 3600.0
MOVE_S: Final = 5400.0  # an airlock takes half an hour; as long again shows that it has ended
LEAST_THIRD: Final = 10  # balances for a slope of a change that is large against their noise
CRACK_EXPONENT: Final = 1.8  # flow of a crack over its pressure; PrK, 14 to 29 July 2021
SOURCE_S: Final = 1800.0  # how long gas is taken to go on coming in, after it was seen to
NEWS: Final = 1.25  # times the highest rate known, for a growth upon a growth
OVERWHELMING: Final = 2.5  # times the threshold; by chance once in 10^9 intervals
UNSURE_STEPS: Final = 120.0  # the threshold is doubled after so many balances, for want of history


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A growth that has been found and has not gone away.

    `suspects` gives each section of the group its probability of being the one.
    """

    group: Group
    found_s: float
    pressure_pa: float
    base_rate: float
    base_sd: float
    size: float
    size_sd: float
    onset_s: float
    onset_low_s: float
    onset_high_s: float
    statistic: float
    suspects: dict[int, float]
    before: dict[Group, tuple[float, float]]  # rate and error of parts before it was found
    evidence: dict[Group, float] = field(default_factory=dict)  # log-odds of each part shut off


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """A mass that stepped at once."""

    group: Group
    time_s: float
    mass_kg: float


class LeakBook(Ledger):
    """The accounts of a station, and the growths found in them."""

    def __init__(self, false_alarm_interval_s: float, accepted_kg_per_s: float, home: int) -> None:
        super().__init__(accepted_kg_per_s, home)
        self._interval_s = false_alarm_interval_s
        self.growths: list[Growth] = []
        self.scores: dict[Key, float] = {}

    def grown(self, growths: Sequence[Growth]) -> tuple[float, float]:
        """Return how much the rate is above what it was before the first growth, and the error."""
        first, newest = growths[0], growths[-1]
        account = self.account(newest.group)
        now = self.rate(account.key) if account is not None else None
        if now is None:
            return sum(g.size for g in growths), float(np.hypot(newest.size_sd, first.base_sd))
        return now[0] - first.base_rate, float(np.hypot(now[1], first.base_sd))

    def step(self, readings: Mapping[Group, AirReading]) -> list[Growth | Jump]:
        """Enter new balances; return the growths and jumps found now."""
        entered = self._enter(readings)
        if not entered.any():
            return []
        found: list[Growth | Jump] = []
        least = np.array([self._least(a) for a in self.accounts])
        up, down, jump = self.bank.scores(least)
        tests = len({a.key for a in self.accounts if a.key[1] is not Balance.PRESSURE}) or 1
        compensated = {a.key[0] for a in self.accounts if a.key[1] is Balance.TOTAL}
        for row in np.flatnonzero(entered).tolist():
            account = self.accounts[row]
            group, balance = account.key
            if balance is Balance.PRESSURE and group in compensated:
                continue  # it only speaks for or against the others
            limit = threshold(balance, self._interval_s, tests)
            limit *= 1.0 + UNSURE_STEPS / account.seen
            armed = account.seen >= ARM_STEPS
            self.scores[account.key] = float(up[row] / limit) if armed else 0.0
            now_s = float(self.filter.time_s[row])
            if self.bank.steps[row] == 0.0:
                continue  # a change found in this very step has explained it
            if now_s <= max(account.quiet_until_s, account.settles_until_s):
                continue
            if account.seen > JUMP_STEPS and jump[row] >= max(
                JUMP_THRESHOLD, max(up[row], down[row]) + DISCRIMINATION
            ):
                found.extend(self._book_jump(row))
            elif armed and up[row] >= limit and up[row] >= jump[row] + DISCRIMINATION:
                found.extend(self._book_growth(row, float(up[row] / limit)))
            elif armed and down[row] >= limit and down[row] >= jump[row] + DISCRIMINATION:
                self._book_decrease(row, float(down[row] / limit))
        self._judge_growths()
        return found

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {
            **super().snapshot(),
            "growths": list(self.growths),
            "scores": dict(self.scores),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        super().restore(state)
        self.growths = list(state["growths"])
        self.scores = dict(state["scores"])

    def _book_jump(self, row: int) -> list[Growth | Jump]:
        change = self.bank.mass_jump(row)
        account = self.accounts[row]
        after = (self.filter.time_s[row] - change.onset_s) / account.spacing_s
        if after < JUMP_STEPS - 0.5:
            return []
        self.filter.correct(row, change.shift, change.spread)
        self._break(row)
        if account.key[1] is Balance.NITROGEN:
            return []
        return [Jump(group=account.key[0], time_s=change.onset_s, mass_kg=change.size)]

    def _book_move(self, row: int, change: Change) -> list[Growth | Jump]:
        """Enter that gas was moved for a while, which is over."""
        now_s = float(self.filter.time_s[row])
        account = self.accounts[row]
        steps = int((now_s - change.onset_low_s) / account.spacing_s) + LEAST_THIRD // 2
        before = account.history[-steps - LEAST_THIRD : -steps] or account.history[:1]
        lost_kg = float(np.nanmedian(account.history[-LEAST_THIRD:]) - np.nanmedian(before))
        self.filter.restart_mass(row, now_s, account.history[-1])
        self._break(row)
        if account.key[1] is Balance.NITROGEN or not np.isfinite(lost_kg):
            return []
        return [Jump(group=account.key[0], time_s=change.onset_s, mass_kg=lost_kg)]

    def _has_ended(self, row: int, change: Change) -> bool:
        """Say whether the balance of the newest third of a change shows nothing of it any more."""
        account = self.accounts[row]
        age_s = float(self.filter.time_s[row]) - change.onset_s
        count = max(int(age_s / account.spacing_s / 3.0), LEAST_THIRD)
        newest = np.array(account.history[-count:])
        newest = newest[np.isfinite(newest)]
        if len(newest) < LEAST_THIRD:
            return False
        times_s = (np.arange(len(newest)) - (len(newest) - 1) / 2.0) * account.spacing_s
        square = float(times_s @ times_s)
        slope = float(times_s @ newest) / square
        scatter = newest - newest.mean() - slope * times_s
        error = float(np.sqrt(scatter @ scatter / (len(newest) - 2) / square))
        return -slope + 2.0 * error < 0.5 * change.size

    def _book_growth(self, row: int, statistic: float) -> list[Growth | Jump]:
        account = self.accounts[row]
        group = account.key[0]
        change = self.bank.rate_change(row, self._least(account), growth=True)
        if not self._is_credible(row, change, statistic):
            return []
        if change.size > BRIEF_GAS and self._has_ended(row, change):
            return self._book_move(row, change)
        before = {
            key[0]: (float(state["state"][RATE]), float(np.sqrt(state["covariance"][RATE, RATE])))
            for key, (_, state, _) in self._resting.items()
            if set(key[0]) < set(group)
        }
        _, base_sd = self.filter.rate(row)
        self._apply(row, change)
        rate, _ = self.filter.rate(row)
        known = [g.base_rate + g.size for g in self.growths if g.group == group]
        if known and rate < NEWS * max(known):
            return []  # it swings back to where it is known to have grown to
        growth = Growth(
            group=group,
            found_s=float(self.filter.time_s[row]),
            pressure_pa=account.pressure_pa,
            base_rate=rate - change.size,
            base_sd=base_sd,
            size=change.size,
            size_sd=change.size_sd,
            onset_s=change.onset_s,
            onset_low_s=change.onset_low_s,
            onset_high_s=change.onset_high_s,
            statistic=statistic,
            suspects=dict.fromkeys(group, 1.0 / len(group)),
            before=before,
        )
        self.growths.append(growth)
        return [growth]

    def _book_decrease(self, row: int, statistic: float) -> None:
        account = self.accounts[row]
        change = self.bank.rate_change(row, self._least(account), growth=False)
        rate, error = self.filter.rate(row)
        if rate + change.size < -3.0 * max(error, change.size_sd) - self._least(account):
            # Nothing leaks inwards: gas is being added. The rate stays what it was.
            now_s = float(self.filter.time_s[row])
            self.filter.restart_mass(row, now_s, self.filter.balance(row))
            account.settles_until_s = now_s + SOURCE_S
            for other in self.accounts_of(account.key[0]):
                if other.key[1] is Balance.NITROGEN:
                    other.settles_until_s = now_s + MIXING_S
            self._break(row)
            return
        if not self._is_credible(row, change, statistic):
            return
        self._apply(row, change)
        group = set(account.key[0])
        self.growths = [
            g for g in self.growths if not (set(g.group) < group and -change.size > 0.5 * g.size)
        ]

    def _apply(self, row: int, change: Change) -> None:
        """Enter a change of rate into the account it was found in and all it must hold for."""
        group = self.accounts[row].key[0]
        variance = change.size_sd**2
        for other, account in enumerate(self.accounts):
            if other == row:
                self.filter.correct(other, change.shift, change.spread)
                self._break(other)
            elif account.key[0] == group:
                lacking = _lacking(self.bank.take(other), change.onset_s)
                self.filter.state[other, RATE] += lacking * change.size
                self.filter.reopen(other, rate_var=variance + (0.25 * change.size) ** 2)
                self._break(other)
        for key, (account, stored, bank) in self._resting.items():
            inside, outside = set(key[0]), set(group)
            if inside > outside:
                stored["state"][RATE] += _lacking(bank, change.onset_s) * change.size
                stored["covariance"][RATE, RATE] += variance + (0.25 * change.size) ** 2
            elif inside < outside:
                stored["covariance"][RATE, RATE] += change.size**2
            else:
                continue
            fresh = ChangeBank()
            fresh.append()
            self._resting[key] = (account, stored, fresh.take(0))

    def _is_credible(self, row: int, change: Change, statistic: float) -> bool:
        """Say whether a change is more than the cabin's own cycle and no other balance denies it.

        Carbon dioxide removal makes the pressure rise and fall in 144 min, so a change must have
        been seen for two cycles, unless the evidence is overwhelming; likewise a growth upon a
        growth, which is no news every orbit that warms and cools. A large change may be gas
        that somebody moves, which ends; rapid falls are watched elsewhere meanwhile.
        """
        age_s = float(self.filter.time_s[row]) - change.onset_s
        group = self.accounts[row].key[0]
        has_grown = any(growth.group == group for growth in self.growths)
        is_brief = age_s < 2.0 * REMOVAL_CYCLE_S
        if is_brief and (self._home in group or has_grown) and statistic < OVERWHELMING:
            return False
        wait_s = MOVE_S if abs(change.size) > MOVED_GAS else BRIEF_S
        if abs(change.size) > BRIEF_GAS and age_s < wait_s:
            return False
        return self._other_balance_agrees(row, change, statistic)

    def _other_balance_agrees(self, row: int, change: Change, statistic: float) -> bool:
        """Say whether nitrogen bears out a change found in the total.

        Oxygen, CO2 and vapour come and go without a leak, so where nitrogen is measured it must
        have changed too, unless the evidence is overwhelming and nitrogen does not speak against.
        A large loss must show in all, for added oxygen reaches a distant sensor only in hours and
        is taken for nitrogen until then.
        """
        group, balance = self.accounts[row].key
        is_nitrogen = balance is Balance.NITROGEN
        if is_nitrogen and abs(change.size) < MOVED_GAS:
            return True  # less than what oxygen may hide in the other balances
        for other, account in enumerate(self.accounts):
            if account.key[0] != group or other == row:
                continue
            along, error = self._along(other, change)
            if along < 0.5 * abs(change.size) - 2.0 * error:
                return False
            if account.key[1] is Balance.NITROGEN and along < 3.0 * error:
                return statistic > OVERWHELMING
        return True

    def _along(self, row: int, change: Change) -> tuple[float, float]:
        """Return how large a row finds a change of another, in its direction, and the error."""
        born = self.bank.born_s[row]
        if not np.isfinite(born).any():
            return 0.0, np.inf
        nearest = int(np.nanargmin(np.abs(born - change.onset_s)))
        information = float(self.bank.information[row, nearest]) + 1e-300
        size = float(self.bank.correlation[row, nearest]) / information
        return size * float(np.sign(change.size)), float(1.0 / np.sqrt(information))

    def _judge_growths(self) -> None:
        """Close the growths whose leak has gone, and weigh their suspects by closed hatches."""
        open_growths = []
        for growth in self.growths:
            account = self.account(growth.group)
            if account is not None:
                rate, error = self.rate(account.key) or (0.0, 0.0)
                # A closed section empties, and its leak gets weaker without being repaired.
                driven = max(account.pressure_pa / growth.pressure_pa, 0.0) ** CRACK_EXPONENT
                left = growth.base_rate + 0.5 * growth.size
                if rate + 2.0 * error < left * min(driven, 1.0) and error < 0.25 * growth.size:
                    continue
            open_growths.append(self._weigh(growth))
        self.growths = open_growths

    def _weigh(self, growth: Growth) -> Growth:
        """Compare, for parts that are shut off now, "it grew there" with "it did not"."""
        evidence = dict(growth.evidence)
        for account in self.accounts:
            part, balance = account.key
            if balance is Balance.NITROGEN or not set(part) < set(growth.group):
                continue
            if account.seen < ARM_STEPS:
                continue
            rate, error = self.rate(account.key) or (0.0, 0.0)
            # Leaks of parts add up to that of the whole, so before it none was larger than that.
            half = 0.5 * max(growth.base_rate, 0.0)
            unseen = (half, half + growth.base_sd)
            rate_before, error_before = growth.before.get(part, unseen)
            spread = error**2 + error_before**2 + growth.size_sd**2
            excess = rate - rate_before
            odds = (excess**2 - (excess - growth.size) ** 2) / (2.0 * spread)
            evidence[part] = min(max(odds, -12.0), 12.0)
        if evidence == growth.evidence:
            return growth
        weights = dict.fromkeys(growth.group, 1.0)
        for part, odds in evidence.items():
            for section in part:
                weights[section] *= float(np.exp(odds))
        total = sum(weights.values())
        suspects = {section: weight / total for section, weight in weights.items()}
        return replace(growth, suspects=suspects, evidence=evidence)


def _lacking(bank: Mapping[str, NDArray[np.float64]], onset_s: float) -> float:
    """Return the share of a change of rate since then that an account has not followed yet."""
    born = bank["born_s"]
    if not np.isfinite(born).any():
        return 1.0
    nearest = int(np.nanargmin(np.abs(born - onset_s)))
    return float(bank["deviation"][RATE, nearest])
