"""Finds in the accounts when a leak has grown, gone, or gas was moved, and keeps the growths open."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.account import STEP_S, STIRRED_S, Account
from service.core.accounts import Ledger
from service.core.air_reading import AirReading
from service.core.causes import Cause, Weighing
from service.core.conditions import MIXING_S
from service.core.estimators import MASS, RATE
from service.core.estimators import OXYGEN as OXYGEN_GAINED
from service.core.growth import (
    CANDIDATES,
    JUMP,
    LEAK,
    OXYGEN,
    OXYGEN_JUMP,
    PULSE,
    PULSES_S,
    STAYING,
    Change,
    ChangeBank,
    Evidence,
    mixture_interval,
)
from service.core.growths import Explained, Growth
from service.core.isolation import Part, growth_odds, suspects_of
from service.core.memory import Key
from service.core.station import Group
from service.core.units import S_PER_DAY
from service.core.views import Balance

# How often things happen that nobody declares, 1/s; [estimate]. Gas goes or comes at once or for a
# while, and the oxygen balance shifts, every week or two; a leak changes every few months (ISS, 2018
# to 2026: some 20 published changes in 8 years, most of them in bad years).
ODDS_PER_S: Final = dict.fromkeys((JUMP, OXYGEN_JUMP, PULSE, OXYGEN), 1.0 / (10 * S_PER_DAY))
CHANGE_ODDS_PER_S: Final = 1.0 / (3 * S_PER_DAY)  # for the interval of the rate: rather too wide
LEAK_ODDS_PER_S: Final = 1.0 / (60 * S_PER_DAY)
UNGROWN: Final = 6.0  # times rarer is that a leak shrinks which has not grown: once a year
SHARED: Final = 2.0  # the stated interval between false alarms is for growths and high rates alike
DISCRIMINATION: Final = 1.0  # log-odds by which one explanation must lead before it is taken
# What is no leak is booked once its evidence (log of seconds) and its lead over a leak are so large.
# The oxygen balance is followed without that, so only what is beyond doubt is booked of it.
SURE: Final = {JUMP: 14.8, OXYGEN_JUMP: 14.8, PULSE: 14.8, OXYGEN: 25.0}  # 14.8: of 30 days
SETTLED: Final = {JUMP: 4.0, OXYGEN_JUMP: 4.0, PULSE: 4.0, OXYGEN: 8.0}
LASTS_S: Final = {OXYGEN: 3600.0}  # what has lasted so long goes on
STIRS_OXYGEN: Final = 0.5  # of gas moved, that an oxygen sensor sees hours later; [estimate]
EVENT_STEPS: Final = 3.5  # balances after an event before it is booked
TRUST_STEPS: Final = 60.0  # balances after which the noise that was learned counts half
# Where people live the noise of minutes tells little of that of days, so what counts is how often spans
# as long as a change is old were compared; of what lasts longer than a day no more than one day is asked.
# No noise is quite as its model has it: innovations summed over 8 to 32 h are a tenth larger; [estimate].
TRUST_COMPARED: Final = 1.0
TRUST_MOST: Final = 0.85
TRUST_SPAN_S: Final = S_PER_DAY
PRIOR_COMPARED: Final = 0.25  # what the prior counts as
PULSES: Final = (Cause.GAS_10_MIN, Cause.GAS_30_MIN, Cause.GAS_90_MIN)  # as long as `PULSES_S`
BOOKED_AS: Final = {
    JUMP: Cause.GAS_AT_ONCE,
    OXYGEN_JUMP: Cause.OXYGEN_AT_ONCE,
    OXYGEN: Cause.OXYGEN_BALANCE,
}
DENIED: Final = 0.5  # of the threshold; below it a change that the bare pressure denied is over
SOURCE_S: Final = 1800.0  # how long gas is taken to go on coming in, after it was seen to
NEWS: Final = 1.25  # times the highest rate known, for a growth upon a growth


class LeakBook(Ledger):
    """The accounts of a station, and the growths found in them."""

    def __init__(self, false_alarm_interval_s: float, accepted_kg_per_s: float, home: int) -> None:
        super().__init__(accepted_kg_per_s, home)
        self._interval_s = false_alarm_interval_s
        self.growths: list[Growth] = []
        self.scores: dict[Key, float] = {}
        self._denied: set[Key] = set()  # whose change the bare pressure denies, as has been told
        self._rates: dict[Key, tuple[float, float, float]] = {}  # of this step, as far as asked for

    def leak(self, key: Key) -> tuple[float, float, float] | None:
        """Return low end, mean and high end of the leak rate of an account, kg/s.

        A change that is suspected, but not sure enough to be announced, widens the interval.
        """
        if key not in self._rates:
            known = self.rate(key)
            if known is None:
                return None
            centres, weights, error = np.array([known[0]]), np.ones(1), known[1]
            for row, account in enumerate(self.accounts):
                if account.key != key:
                    continue
                error = float(np.hypot(error, self._books_error(account)))
                if account.is_armed:
                    centres, weights = self.bank.possible_rates(
                        row,
                        known[0],
                        float(self.filter.state[row, MASS]),
                        {LEAK: CHANGE_ODDS_PER_S} | self._rival_odds(account),
                        self._trust([row])[0],
                    )
            self._rates[key] = mixture_interval(centres, weights, error)
        return self._rates[key]

    def grown(self, growths: Sequence[Growth]) -> tuple[float, float]:
        """Return how much the rate is above what it was before the first growth, and the error."""
        first, newest = growths[0], growths[-1]
        account = self.account(newest.group)
        now = self.rate(account.key) if account is not None else None
        if now is None:
            return sum(g.size for g in growths), float(np.hypot(newest.size_sd, first.base_sd))
        return now[0] - first.base_rate, float(np.hypot(now[1], first.base_sd))

    def weighing(self, row: int) -> Weighing:
        """Return how well each cause explains what an account has seen."""
        account = self.accounts[row]
        mass_kg = float(self.filter.state[row, MASS])
        found = self.bank.weighed(row, mass_kg, self._trust([row])[0])
        growth, decrease, jump, oxygen_jump, oxygen, *pulses = found
        leak, other = float(np.log(LEAK_ODDS_PER_S)), float(np.log(ODDS_PER_S[JUMP]))
        log_odds = {
            Cause.NOTHING: 0.0,
            Cause.LEAK_GROWTH: growth + leak,
            Cause.LEAK_DECREASE: decrease + leak,
            Cause.GAS_AT_ONCE: jump + other,
        }
        log_odds |= {c: e + other for c, e in zip(PULSES, pulses, strict=True)}
        if account.sees_oxygen:
            log_odds |= {
                Cause.OXYGEN_AT_ONCE: oxygen_jump + other,
                Cause.OXYGEN_BALANCE: oxygen + other,
            }
        return Weighing(log_odds=log_odds)

    def gas(self, account: Account) -> tuple[float, float, float]:
        """Return the gas that an account holds, its standard error, and the oxygen gained of it, kg."""
        row = self.accounts.index(account)
        parts = [MASS, OXYGEN_GAINED]
        state = self.filter.state[row, parts]
        variance = float(self.filter.covariance[row][np.ix_(parts, parts)].sum())
        return float(state.sum()), float(np.sqrt(max(variance, 0.0))), float(state[1])

    def weighing_of(self, group: Group) -> Weighing | None:
        """Return how well each cause explains what the best account of a group sees now."""
        account = self.account(group)
        if account is None or not account.is_armed:
            return None
        return self.weighing(self.accounts.index(account))

    def step(self, readings: Mapping[Group, AirReading]) -> list[Growth | Explained]:
        """Enter new balances; return the growths, and what explains changes, found now."""
        entered = self._enter(readings)
        if not entered.any():
            return []
        self._rates.clear()
        found: list[Growth | Explained] = []
        judged = np.array([not self._is_witness(a) for a in self.accounts])
        trust = self._trust(range(len(self.accounts)))
        evidence = self.bank.evidence(self.filter.state[:, MASS], trust, entered & judged)
        tests = SHARED * len({a.key[0] for a in self.accounts})
        limit = float(np.log(self._interval_s * tests))
        none = float(np.log(STEP_S))  # evidence of one step counts as none
        odds = float(np.log(LEAK_ODDS_PER_S))
        for row in np.flatnonzero(entered & judged).tolist():
            account = self.accounts[row]
            armed = account.is_armed
            ratio = (float(evidence.growth[row]) - none) / (limit - none)
            if not armed:
                self.scores[account.key] = 0.0
            elif evidence.is_exact[row]:
                self.scores[account.key] = max(ratio, 0.0)
            if max(evidence.growth[row], evidence.decrease[row]) < DENIED * limit:
                self._denied.discard(account.key)
            now_s = float(self.filter.time_s[row])
            is_explained = self.bank.steps[row] == 0.0  # by a change found in this very step
            if not evidence.is_stirred[row] or is_explained or account.is_unsettled(now_s):
                continue
            rivals = self._rivals(row, evidence)
            rival = max(rivals, key=lambda kind: rivals[kind])
            against = float(np.logaddexp.reduce(list(rivals.values()))) + DISCRIMINATION
            needed = max(limit, against - odds)
            if armed and evidence.growth[row] >= needed:
                found.extend(self._book_growth(row, ratio))
            elif armed and evidence.decrease[row] >= needed + self._doubt_of_decrease(account):
                found.extend(self._book_decrease(row))
            elif self._is_settled(rival, rivals[rival], row, evidence):
                found.extend(self._book_event(row, rival))
        self._judge_growths()
        return found

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {
            **super().snapshot(),
            "growths": list(self.growths),
            "scores": dict(self.scores),
            "denied": set(self._denied),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        super().restore(state)
        self.growths = list(state["growths"])
        self.scores = dict(state["scores"])
        self._denied = set(state["denied"])
        self._rates.clear()

    def _trust(self, rows: Sequence[int]) -> NDArray[np.float64]:
        """Return how far the noise is trusted for each candidate of some rows, 0 to 1, (n, C)."""
        trust = np.empty((len(rows), CANDIDATES))
        for place, row in enumerate(rows):
            account = self.accounts[row]
            if self._is_home(account):
                age_s = self.filter.time_s[row] - self.bank.born_s[row]
                compared = PRIOR_COMPARED + account.compared_over(np.fmin(age_s, TRUST_SPAN_S))
                trust[place] = TRUST_MOST * compared / (compared + TRUST_COMPARED)
            else:
                trust[place] = account.seen / (account.seen + TRUST_STEPS)
        return trust

    def _books_error(self, account: Account) -> float:
        """Return what nothing tells from a leak in the oxygen that is booked where people live, kg/s."""
        is_told = account.sees_oxygen or not self._is_home(account)
        return 0.0 if is_told else account.life_support.gain_sd_kg_per_s

    @staticmethod
    def _rival_odds(account: Account) -> dict[int, float]:
        """Return how often what is no leak happens to an account, 1/s, by its place in the bank."""
        is_seen = {OXYGEN_JUMP: account.sees_oxygen, OXYGEN: account.sees_oxygen}
        return {kind: odds for kind, odds in ODDS_PER_S.items() if is_seen.get(kind, True)}

    def _rivals(self, row: int, evidence: Evidence) -> dict[int, float]:
        """Return the log-odds of all that is no leak, by its place in the bank."""
        speaks = {
            JUMP: evidence.jump,
            PULSE: evidence.pulse,
            OXYGEN_JUMP: evidence.oxygen_jump,
            OXYGEN: evidence.oxygen,
        }
        odds = self._rival_odds(self.accounts[row])
        return {kind: float(speaks[kind][row] + np.log(odds[kind])) for kind in odds}

    def _doubt_of_decrease(self, account: Account) -> float:
        """Return the log-odds by which a decrease must be surer than a growth.

        A false one is not announced, but the rate coming back would be, as a growth.
        """
        has_grown = any(set(g.group) & set(account.key[0]) for g in self.growths)
        return 0.0 if has_grown else float(np.log(UNGROWN))

    @staticmethod
    def _is_settled(kind: int, odds: float, row: int, evidence: Evidence) -> bool:
        """Say whether something that is no leak is sure, and by what was seen, not by its odds."""
        evidence_of_it = odds - float(np.log(ODDS_PER_S[kind]))
        leak = max(evidence.growth[row], evidence.decrease[row], 0.0)
        return bool(evidence_of_it >= max(SURE[kind], leak + SETTLED[kind]))

    def _book_event(self, row: int, kind: int) -> list[Growth | Explained]:
        """Enter what has happened to the air that is no leak, once it is over."""
        change, place = self.bank.event(row, kind)
        account = self.accounts[row]
        lasts_s = PULSES_S[place - PULSE] if kind == PULSE else LASTS_S.get(kind, 0.0)
        age_s = float(self.filter.time_s[row]) - change.onset_s - lasts_s
        if age_s < EVENT_STEPS * account.spacing_s:
            return []
        cause = PULSES[place - PULSE] if kind == PULSE else BOOKED_AS[kind]
        explained = self._explained(row, change, cause)
        if kind == OXYGEN:
            self.filter.correct(row, change.shift, change.spread)
            self._pass_over(row, change.onset_low_s)
            return [explained]
        account.excise(float(self.filter.time_s[row]) - change.onset_s)
        before = self._recent.before(account.key, change.onset_low_s)
        if before is None:
            self.filter.correct(row, change.shift, change.spread)
        else:
            self._recall(row, before, OXYGEN_GAINED if kind == OXYGEN_JUMP else MASS)
        self._pass_over(row, change.onset_low_s)
        moved = -lasts_s if kind == PULSE else 1.0
        mass_kg = moved * change.size
        # What was moved may be any gas, has another temperature and composition, and mixes for hours.
        var = (STIRS_OXYGEN * mass_kg) ** 2
        self.filter.reopen(row, mass_var=var, oxygen_var=var, lag_var=var)
        now_s = float(self.filter.time_s[row])
        account.settles_until_s = now_s + STIRRED_S
        # An oxygen sensor that follows hours later tells of the same gas once more.
        is_echo = kind == OXYGEN_JUMP and now_s < account.mixes_until_s
        account.mixes_until_s = now_s + MIXING_S
        if is_echo:
            return []
        size_sd = abs(moved) * change.size_sd
        return [replace(explained, size=mass_kg, size_sd=size_sd, lasts_s=lasts_s)]

    def _explained(
        self, row: int, change: Change, weighed: Cause, cause: Cause | None = None
    ) -> Explained:
        """Return a change that goes on, as the account sees it before it is entered.

        `cause` is what it is known to be where that is not what was weighed.
        """
        cause = cause or weighed
        return Explained(
            group=self.accounts[row].key[0],
            cause=cause,
            since_s=change.onset_s,
            since_low_s=change.onset_low_s,
            since_high_s=change.onset_high_s,
            size=change.size,
            size_sd=change.size_sd,
            lasts_s=None,
            weighing=self.weighing(row).read_as(weighed, cause),
            onsets=change.onsets,
        )

    def _deny(self, row: int, change: Change) -> list[Growth | Explained]:
        """Tell once that the bare pressure shows nothing of a change, so that a thermometer did it."""
        key = self.accounts[row].key
        if key in self._denied:
            return []
        self._denied.add(key)
        weighed = Cause.LEAK_GROWTH if change.size > 0.0 else Cause.LEAK_DECREASE
        return [self._explained(row, change, weighed, Cause.TEMPERATURE)]

    def _book_growth(self, row: int, statistic: float) -> list[Growth | Explained]:
        account = self.accounts[row]
        group = account.key[0]
        change = self.bank.rate_change(row, account.least_growth_kg_per_s, growth=True)
        if not self._witness_agrees(row, change):
            return self._deny(row, change)
        explained = self._explained(row, change, Cause.LEAK_GROWTH)
        before = {
            key[0]: known.rate
            for key, (_, known) in self._resting.items()
            if set(key[0]) < set(group)
        }
        _, base_sd = self.filter.rate(row)
        self._apply(row, change)
        rate, _ = self.filter.rate(row)
        known = [g.base_rate + g.size for g in self.growths if g.group == group]
        if known and rate < NEWS * max(known):
            return []  # it swings back to where it is known to have grown to
        growth = Growth(
            key=account.key,
            changes=account.changes,
            found_s=float(self.filter.time_s[row]),
            pressure_pa=account.pressure_pa,
            base_rate=rate - change.size,
            base_sd=base_sd,
            size=change.size,
            size_sd=change.size_sd,
            found=(change.size, change.size_sd),
            # When it is found it is taken for larger than it is, more often than not.
            surely=max(change.size - 2.0 * change.size_sd, 0.25 * change.size),
            onset_s=change.onset_s,
            onset_low_s=change.onset_low_s,
            onset_high_s=change.onset_high_s,
            statistic=statistic,
            suspects=dict.fromkeys(group, 1.0 / len(group)),
            before=before,
            weighing=explained.weighing,
        )
        self.growths.append(growth)
        return [growth, explained]

    def _book_decrease(self, row: int) -> list[Growth | Explained]:
        account = self.accounts[row]
        change = self.bank.rate_change(row, account.least_growth_kg_per_s, growth=False)
        rate, error = self.filter.rate(row)
        followed = 1.0 - float(change.shift[RATE]) / change.size  # of the change, by the filter
        base = rate - followed * change.size
        if base + change.size < -3.0 * max(error, change.size_sd) - account.least_growth_kg_per_s:
            # Nothing leaks inwards: gas is being added. The rate stays what it was.
            now_s = float(self.filter.time_s[row])
            explained = self._explained(row, change, Cause.LEAK_DECREASE, Cause.GAS_SOURCE)
            account.excise(now_s - change.onset_s)
            before = self._recent.before(account.key, change.onset_low_s)
            if before is not None:
                self._recall(row, before)
            else:
                self.filter.state[row, RATE] = base
                self.filter.reopen(row, rate_var=(followed * change.size_sd) ** 2)
                self.filter.restart_mass(row, now_s, self.filter.balance(row))
            # It may be any gas, and goes on; what an oxygen sensor makes of it is not the day of the crew.
            var = (change.size * (now_s - change.onset_s)) ** 2
            self.filter.reopen(row, oxygen_var=var, lag_var=var)
            account.mixes_until_s = now_s + MIXING_S
            account.settles_until_s = now_s + (MIXING_S if account.sees_oxygen else SOURCE_S)
            self._pass_over(row)
            return [explained]
        if -change.size > base:
            return []  # a leak cannot shrink by more than it is
        if not self._witness_agrees(row, change):
            return self._deny(row, change)
        explained = self._explained(row, change, Cause.LEAK_DECREASE)
        self._apply(row, change)
        group = set(account.key[0])
        self.growths = [
            g for g in self.growths if not (set(g.group) < group and -change.size > 0.5 * g.size)
        ]
        return [explained]

    def _apply(self, row: int, change: Change) -> None:
        """Enter a change of rate into the account it was found in and all it must hold for."""
        group = self.accounts[row].key[0]
        variance = change.size_sd**2
        for other, account in enumerate(self.accounts):
            if account.key[0] != group:
                continue
            account.changes, account.changed_s = account.changes + 1, change.onset_low_s
            if other == row:
                self.filter.correct(other, change.shift, change.spread)
            else:
                lacking = _lacking(self.bank.rest(other), change.onset_s)
                self.filter.state[other, RATE] += lacking * change.size
                self.filter.reopen(other, rate_var=variance + (0.25 * change.size) ** 2)
            self._pass_over(other)
        empty = ChangeBank(1).rest(0)
        for key, (account, known) in self._resting.items():
            inside, outside = set(key[0]), set(group)
            if inside > outside:
                shift = _lacking(known.bank, change.onset_s) * change.size
                corrected = known.corrected(shift, variance + (0.25 * change.size) ** 2)
            elif inside < outside:
                corrected = known.corrected(0.0, change.size**2)
            else:
                continue
            self._resting[key] = (account, replace(corrected, bank=empty))

    def _witness_agrees(self, row: int, change: Change) -> bool:
        """Say whether the bare pressure does not deny a change; a thermometer may be at fault."""
        for other, account in enumerate(self.accounts):
            if account.key[0] == self.accounts[row].key[0] and other != row:
                along, error = self._along(other, change)
                if along < 0.5 * abs(change.size) - 2.0 * error:
                    return False
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
        refined = [self._refined(growth) for growth in self.growths]
        self.growths = [self._weigh(growth) for growth in refined if not self._is_over(growth)]

    def _is_over(self, growth: Growth) -> bool:
        """Say whether the air in which it was found, or that this is part of now, loses too little."""
        own = self.account(growth.group)
        account = own or self._wider(growth.group)
        if account is None:
            return False
        row = self.accounts.index(account)
        rate, _ = self.filter.rate(row)
        error = self.filter.change_error(row, sees_oxygen=account.sees_oxygen)
        driven = growth.driven(account.pressure_pa)
        none = growth.base_rate + max(0.5 * growth.surely, account.least_growth_kg_per_s)
        if rate + 2.0 * error < none * min(driven, 1.0):
            return True
        return own is not None and growth.has_ended(rate / driven, error / driven)

    def _wider(self, group: Group) -> Account | None:
        """Return the best account of the smallest air that a group is a part of, once it is known."""
        inside = set(group)
        wider = {a.key[0] for a in self.accounts if inside < set(a.key[0])}
        account = self.account(min(wider, key=len)) if wider else None
        if account is None or not account.is_armed:
            return None
        at_s = float(self.filter.time_s[self.accounts.index(account)])
        return None if account.is_unsettled(at_s) else account

    def _refined(self, growth: Growth) -> Growth:
        """Return a growth with the size that the rate since then gives it, once that is better."""
        account = next((a for a in self.accounts if a.key == growth.key), None)
        known = self.rate(growth.key)
        if account is None or known is None or account.changes != growth.changes:
            return growth
        driven = growth.driven(account.pressure_pa)
        return growth.refined(known[0] / driven, known[1] / driven)

    def _weigh(self, growth: Growth) -> Growth:
        """Compare, for parts that are shut off now, "it grew there" with "it did not"."""
        evidence = dict(growth.evidence)
        for account, at_s in zip(self.accounts, self.filter.time_s.tolist(), strict=True):
            part, balance = account.key
            if balance is Balance.PRESSURE or not set(part) < set(growth.group):
                continue
            if not account.is_armed or account.is_unsettled(at_s):
                continue
            rate, error = self.rate(account.key) or (0.0, 0.0)
            # Leaks of parts add up to that of the whole, so before it none was larger than that.
            half = 0.5 * max(growth.base_rate, 0.0)
            unseen = (half, half + growth.base_sd)
            rate_before, error_before = growth.before.get(part, unseen)
            seen = Part(
                sections=part,
                rate_kg_per_s=rate,
                error=error,
                before_kg_per_s=rate_before,
                before_error=error_before,
                driven=max(account.pressure_pa / growth.pressure_pa, 0.0),
            )
            evidence[part] = growth_odds(seen, growth.size, growth.size_sd)
        if evidence == growth.evidence:
            return growth
        suspects = suspects_of(growth.group, evidence)
        return replace(growth, suspects=suspects, evidence=evidence)


def _lacking(bank: Mapping[str, NDArray[np.float64]], onset_s: float) -> float:
    """Return the share of a change of rate since then that an account has not followed yet.

    `bank` is a row as it rests.
    """
    born = bank["born_s"]
    if not np.isfinite(born).any():
        return 1.0
    nearest = int(np.nanargmin(np.abs(born - onset_s)))
    return float(bank["deviation"][STAYING.index(RATE), nearest])
