"""Follows the leak of every atmosphere through hatch moves, with one account for each gas balance.

An account belongs to a set of sections and a balance (total air, nitrogen). When hatches regroup
the sections, the accounts of groups that are no more rest, and go on with what they knew of the
rate when the same group forms again: the tunnel that is shut every night is one story.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.air import AirReading
from service.core.estimators import RATE, LeakFilter
from service.core.growth import DISCRIMINATION, Change, ChangeBank
from service.core.noise import NoiseModel, fit_noise
from service.core.physics import R_AIR, REFERENCE_TEMPERATURE_K
from service.core.thresholds import threshold
from service.core.units import PA_PER_MMHG, S_PER_DAY
from service.core.views import Balance

Group = tuple[int, ...]
Key = tuple[Group, Balance]

STEP_S: Final = 60.0
BEST_FIRST: Final = {balance: place for place, balance in enumerate(Balance)}
HISTORY: Final = 11520  # balances kept to learn noise from: 8 days at one a minute
LEARN_AFTER: Final = (20, 60, 120, 240, 480)  # balances; then every 480
# Before anything is learned, in mmHg of the group: white, correlated, random walk per day. Walks
# are the three classes measured in cabins: 0.02 with partial pressures, 0.2 with temperature, 1
# without (Astro Pi records of 2016 and 2022; +-2x).
PRIOR_MMHG: Final[dict[Balance, tuple[float, float, float]]] = {
    Balance.NITROGEN: (0.15, 0.10, 0.02),
    Balance.TOTAL: (0.03, 0.10, 0.2),
    Balance.PRESSURE: (0.03, 0.20, 1.0),
}
# Where people breathe and oxygen is neither measured nor reported, the total is off by a rate of
# some mmHg/day: healthy days of 2016 show -4.0 to +0.9 in Columbus.
IMBALANCE_MMHG_PER_DAY: Final = 2.0
BALANCED_MMHG_PER_DAY: Final = 0.02  # where oxygen is accounted for, or nobody breathes
LEAST_GROWTH_MMHG_PER_DAY: Final = 0.07  # 0.1 kg/day on the whole station; a fifth of February 2024
# kg/s, of a group never seen before; the ISS leaked 0.1 to 1.7 kg/day from 2018 to 2026, and a hole
# is as large in a small section as in a large one.
RATE_PRIOR_SD: Final = 1.0 / S_PER_DAY
FULL_STATION_M3: Final = 900.0
JUMP_THRESHOLD: Final = 14.0  # log-likelihood; a chance in a million a candidate
JUMP_STEPS: Final = 3  # balances after a jump before it is told from a leak
REMOVAL_CYCLE_S: Final = 8640.0  # half-cycle of the CDRA; Knox et al., ICES papers on CDRA
MOVED_GAS: Final = 20.0 / S_PER_DAY  # kg/s; airlocks, vestibules and vents move more for a while
BRIEF_GAS: Final = 5.0 / S_PER_DAY  # kg/s; more is looked at for half an hour, and for an end
BRIEF_S: Final = 1800.0
MOVE_S: Final = 5400.0  # an airlock takes half an hour; as long again shows that it has ended
LEAST_THIRD: Final = 10  # balances for a slope of a change that is large against their noise
CRACK_EXPONENT: Final = 1.8  # flow of a crack over its pressure; PrK, 14 to 29 July 2021
SETTLE_S: Final = 600.0  # after a hatch moved: equalising takes seconds to minutes, heat longer
SOURCE_S: Final = 1800.0  # how long gas is taken to go on coming in, after it was seen to
MIXING_S: Final = 6 * 3600.0  # added oxygen reaches a distant sensor so late; Columbus 2015
SETTLE_SHARE: Final = 0.02  # of the mass that may come or go meanwhile, balance by balance
RESTING: Final = 64  # accounts remembered; the groups a station forms in months are fewer
OVERWHELMING: Final = 2.5  # times the threshold; by chance once in 10^9 intervals
UNSURE_STEPS: Final = 120.0  # the threshold is doubled after so many balances, for want of history
ARM_STEPS: Final = 60  # balances before the noise model is trusted for a test


@dataclass(slots=True, kw_only=True)
class Account:
    """What belongs to a row beside its arrays."""

    key: Key
    per_mmhg_kg: float
    belief: tuple[float, float]  # of the rate before anything was seen, and its error
    pressure_pa: float = 0.0
    seen: int = 0
    spacing_s: float = STEP_S
    history: list[float] = field(default_factory=list)
    inflow_kg: float = 0.0  # gas booked since the newest balance
    rested_s: float | None = None  # newest balance before a rest that has just ended
    quiet_until_s: float = -np.inf  # no test before; gas is being moved
    settles_until_s: float = -np.inf  # air of other temperature and pressure still mixes in


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


class LeakBook:
    """All accounts of a station, and the growths found in them.

    Parameters
    ----------
    home : int
        The section where the crew is taken to be.

    Attributes
    ----------
    knows_oxygen : bool
        Whether crew and oxygen generation are reported, so that they can be booked.
    """

    def __init__(self, false_alarm_interval_s: float, accepted_kg_per_s: float, home: int) -> None:
        self.knows_oxygen = False
        self._home = home
        self._interval_s = false_alarm_interval_s
        self._accepted = accepted_kg_per_s
        self.filter = LeakFilter()
        self.bank = ChangeBank()
        self.accounts: list[Account] = []
        self.growths: list[Growth] = []
        self.scores: dict[Key, float] = {}
        self._resting: dict[Key, tuple[Account, dict[str, Any], dict[str, Any]]] = {}

    # ------------------------------------------------------------------ groups

    def regroup(self, groups: Sequence[Group]) -> None:
        """Let the accounts of other groups rest."""
        live = set(groups)
        keep = []
        for row, account in enumerate(self.accounts):
            if account.key[0] in live:
                keep.append(row)
            else:
                account.history.append(np.nan)
                self._resting[account.key] = (account, self.filter.take(row), self.bank.take(row))
        while len(self._resting) > RESTING:
            del self._resting[next(iter(self._resting))]
        self._keep(keep)

    def rate(self, key: Key) -> tuple[float, float] | None:
        """Return rate and standard error of an account, live or resting, kg/s."""
        for row, account in enumerate(self.accounts):
            if account.key == key:
                return self.filter.rate(row)
        if key in self._resting:
            stored = self._resting[key][1]
            return float(stored["state"][RATE]), float(np.sqrt(stored["covariance"][RATE, RATE]))
        return None

    def account(self, group: Group, *, balance: Balance | None = None) -> Account | None:
        """Return the account of a group: that of a balance, or the best that has learned."""
        own = self.accounts_of(group)
        if balance is not None:
            return next((a for a in own if a.key[1] is balance), None)
        return next((a for a in own if a.seen >= ARM_STEPS), own[0] if own else None)

    def grown(self, growths: Sequence[Growth]) -> tuple[float, float]:
        """Return how much the rate is above what it was before the first growth, and the error."""
        first, newest = growths[0], growths[-1]
        account = self.account(newest.group)
        now = self.rate(account.key) if account is not None else None
        if now is None:
            return sum(g.size for g in growths), float(np.hypot(newest.size_sd, first.base_sd))
        return now[0] - first.base_rate, float(np.hypot(now[1], first.base_sd))

    def accounts_of(self, group: Group) -> list[Account]:
        """Return the live accounts of a group, best balance first."""
        own = [a for a in self.accounts if a.key[0] == group]
        return sorted(own, key=lambda a: BEST_FIRST[a.key[1]])

    # ------------------------------------------------------------------- steps

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

    def _enter(self, readings: Mapping[Group, AirReading]) -> NDArray[np.bool_]:
        for group, reading in readings.items():
            self._open(group, reading)
        count = len(self.accounts)
        times, balances, inflows = np.zeros(count), np.zeros(count), np.zeros(count)
        used = np.zeros(count, np.bool_)
        for row, account in enumerate(self.accounts):
            group, balance = account.key
            air = readings.get(group)
            if air is None or air.time_s <= self.filter.time_s[row]:
                continue
            mass = _balance_of(air, balance)
            if mass is None:
                continue
            times[row], balances[row], used[row] = air.time_s, mass, True
            if air.time_s <= account.settles_until_s:
                self.filter.reopen(row, mass_var=(SETTLE_SHARE * mass) ** 2)
            account.pressure_pa = air.pressure_pa or account.pressure_pa
            inflows[row], account.inflow_kg = account.inflow_kg, 0.0
        if not used.any():
            return used
        before_s = self.filter.time_s.copy()
        for row, account in enumerate(self.accounts):
            if used[row] and account.rested_s is not None:
                before_s[row], account.rested_s = account.rested_s, None
        transition, gain, innovation, variance = self.filter.update(times, balances, inflows, used)
        self.bank.update(transition, gain, innovation, variance, used)
        self.bank.breed(times, before_s, used)
        for learner in np.flatnonzero(used).tolist():
            self._learn(
                learner, float(balances[learner]), float(times[learner] - before_s[learner])
            )
        return used

    def _open(self, group: Group, reading: AirReading) -> None:
        known = {a.key for a in self.accounts if a.key[0] == group}
        for balance in Balance:
            if (group, balance) in known:
                continue
            mass = _balance_of(reading, balance)
            if mass is None:
                continue
            temperature = reading.temperature_k or REFERENCE_TEMPERATURE_K
            per_mmhg = PA_PER_MMHG * reading.volume_m3 / (R_AIR * temperature)
            key = (group, balance)
            if key in self._resting:
                account, stored, bank = self._resting.pop(key)
                self.accounts.append(account)
                row = self.filter.append(**stored)
                self.bank.append(**bank)
                account.rested_s = float(self.filter.time_s[row])
                self.filter.restart_mass(row, reading.time_s, mass)
                self.bank.restart_mass(row)
                account.settles_until_s = reading.time_s + SETTLE_S
                continue
            rate, rate_sd = self._belief(group, balance, reading.volume_m3)
            account = Account(
                key=key,
                per_mmhg_kg=per_mmhg,
                belief=(rate, rate_sd),
                settles_until_s=reading.time_s + SETTLE_S,
            )
            self.accounts.append(account)
            self.filter.start(reading.time_s, mass, rate, rate_sd, self._prior(account))
            self.bank.append()

    def _belief(self, group: Group, balance: Balance, volume_m3: float) -> tuple[float, float]:
        """Return what is believed of the rate of a group never seen before, kg/s."""
        inside = set(group)
        parents = [key for key in self._resting if inside < set(key[0]) and key[1] is balance]
        share = min(volume_m3 / FULL_STATION_M3, 1.0)
        if parents:
            rate, error = self.rate(min(parents, key=lambda key: len(key[0]))) or (0.0, 0.0)
            return max(rate, 0.0) * share, max(abs(rate), error, RATE_PRIOR_SD)
        parts = [key for key in self._resting if set(key[0]) < inside and key[1] is balance]
        if parts:
            rate, error = self.rate(max(parts, key=lambda key: len(key[0]))) or (0.0, 0.0)
            return rate, float(np.hypot(error, max(abs(rate), 0.3 * RATE_PRIOR_SD)))
        return self._accepted * share, RATE_PRIOR_SD

    def _learn(self, row: int, balance: float, span_s: float) -> None:
        account = self.accounts[row]
        if span_s > 5.0 * account.spacing_s:
            account.history.append(np.nan)
        account.history.append(balance)
        account.seen += 1
        account.spacing_s += (min(span_s, 3600.0) - account.spacing_s) / min(account.seen, 100)
        if account.seen in LEARN_AFTER or account.seen % LEARN_AFTER[-1] == 0:
            del account.history[:-HISTORY]
            history = np.array(account.history)
            fitted, _ = fit_noise(history, account.spacing_s, self._prior(account))
            self.filter.set_noise(row, fitted)
        if account.seen == ARM_STEPS:
            # What the first hour said of the rate, it said with a noise model that was a guess.
            self.filter.restart_rate(row, *account.belief)
            self.bank.clear(row)

    def _prior(self, account: Account) -> NoiseModel:
        group, balance = account.key
        white, correlated, walk = PRIOR_MMHG[balance]
        breathed = self._home in group and balance is not Balance.NITROGEN
        unknown = breathed and not self.knows_oxygen
        imbalance = IMBALANCE_MMHG_PER_DAY if unknown else BALANCED_MMHG_PER_DAY
        return NoiseModel(
            white_var=white**2,
            correlated_var=correlated**2,
            walk_var_per_s=walk / S_PER_DAY,
            imbalance_var=(imbalance / S_PER_DAY) ** 2,
        ).scaled(account.per_mmhg_kg)

    def _least(self, account: Account) -> float:
        return LEAST_GROWTH_MMHG_PER_DAY * account.per_mmhg_kg / S_PER_DAY

    # ---------------------------------------------------------------- findings

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
        been seen for two cycles, unless the evidence is overwhelming. A large change may be gas
        that somebody moves, which ends; rapid falls are watched elsewhere meanwhile.
        """
        age_s = float(self.filter.time_s[row]) - change.onset_s
        is_cycle = self._home in self.accounts[row].key[0] and age_s < 2.0 * REMOVAL_CYCLE_S
        if is_cycle and statistic < OVERWHELMING:
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

    def _break(self, row: int) -> None:
        self.bank.clear(row)
        self.accounts[row].history.append(np.nan)

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

    # -------------------------------------------------------------- activities

    def admit_gas(
        self,
        groups: Sequence[Group],
        mass_sd_kg: float,
        until_s: float,
        *,
        mixing_sd_kg: float = 0.0,
    ) -> None:
        """Let the masses of the groups move by an unknown amount, and do not test meanwhile.

        `mixing_sd_kg` is for nitrogen only, which lags behind where oxygen is measured in one
        place.
        """
        for row, account in enumerate(self.accounts):
            if account.key[0] not in groups:
                continue
            is_nitrogen = account.key[1] is Balance.NITROGEN
            spread = max(mass_sd_kg, mixing_sd_kg) if is_nitrogen else mass_sd_kg
            if spread > 0.0:
                self.filter.reopen(row, mass_var=spread**2)
                account.quiet_until_s = max(account.quiet_until_s, until_s)
                account.history.append(np.nan)

    def admit_rate(self, groups: Sequence[Group], rate_sd: float) -> None:
        """Let the total balance's rate move by an unknown amount; nitrogen does not notice."""
        for row, account in enumerate(self.accounts):
            if account.key[0] in groups and account.key[1] is not Balance.NITROGEN:
                self.filter.reopen(row, rate_var=rate_sd**2)

    def book_inflow(self, group: Group, mass_kg: float) -> None:
        """Add gas other than nitrogen that is known to have come in."""
        for account in self.accounts:
            if account.key[0] == group and account.key[1] is not Balance.NITROGEN:
                account.inflow_kg += mass_kg

    # --------------------------------------------------------------- snapshots

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {
            "filter": self.filter.snapshot(),
            "bank": self.bank.snapshot(),
            "accounts": [_copy(a) for a in self.accounts],
            "growths": list(self.growths),
            "scores": dict(self.scores),
            "knows_oxygen": self.knows_oxygen,
            "resting": {
                key: (_copy(account), _copies(stored), _copies(bank))
                for key, (account, stored, bank) in self._resting.items()
            },
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self.filter.restore(state["filter"])
        self.bank.restore(state["bank"])
        self.accounts = [_copy(a) for a in state["accounts"]]
        self.growths = list(state["growths"])
        self.scores = dict(state["scores"])
        self.knows_oxygen = state["knows_oxygen"]
        self._resting = {
            key: (_copy(account), _copies(stored), _copies(bank))
            for key, (account, stored, bank) in state["resting"].items()
        }

    def _keep(self, rows: Sequence[int]) -> None:
        self.filter.keep(rows)
        self.bank.keep(rows)
        self.accounts = [self.accounts[row] for row in rows]


def _balance_of(reading: AirReading, balance: Balance) -> float | None:
    """Return the mass an account of this balance takes from a reading, None if nothing is new."""
    if not reading.pressure_is_new:
        return None
    if balance is Balance.NITROGEN:
        return reading.nitrogen_kg if reading.nitrogen_is_new else None
    if balance is Balance.TOTAL:
        return reading.total_kg if reading.temperature_k is not None else None
    return reading.bare_kg


def _lacking(bank: Mapping[str, NDArray[np.float64]], onset_s: float) -> float:
    """Return the share of a change of rate since then that an account has not followed yet."""
    born = bank["born_s"]
    if not np.isfinite(born).any():
        return 1.0
    nearest = int(np.nanargmin(np.abs(born - onset_s)))
    return float(bank["deviation"][RATE, nearest])


def _copies(columns: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    return {name: values.copy() for name, values in columns.items()}


def _copy(account: Account) -> Account:
    return replace(account, history=list(account.history))
