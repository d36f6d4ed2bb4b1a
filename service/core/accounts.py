"""Keeps an account of the air of every group of sections, one for each gas balance.

An account belongs to a set of sections and a balance (nitrogen, total air, bare pressure). When
hatches regroup the sections, the accounts of groups that are no more rest, and go on with what they
knew of the rate when the same group forms again: the tunnel that is shut every night is one story.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.air import AirReading
from service.core.estimators import RATE, LeakFilter
from service.core.growth import ChangeBank
from service.core.noise import NoiseModel, fit_noise
from service.core.physics import R_AIR, REFERENCE_TEMPERATURE_K
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
SETTLE_S: Final = 600.0  # after a hatch moved: equalising takes seconds to minutes, heat longer
SETTLE_SHARE: Final = 0.02  # of the mass that may come or go meanwhile, balance by balance
RESTING: Final = 64  # accounts remembered; the groups a station forms in months are fewer
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


class Ledger:
    """All accounts of a station, live and resting.

    Parameters
    ----------
    home : int
        The section where the crew is taken to be.

    Attributes
    ----------
    filter, bank, accounts
        The live accounts: row by row the same.
    knows_oxygen : bool
        Whether crew and oxygen generation are reported, so that they can be booked.
    """

    def __init__(self, accepted_kg_per_s: float, home: int) -> None:
        self.knows_oxygen = False
        self.filter = LeakFilter()
        self.bank = ChangeBank()
        self.accounts: list[Account] = []
        self._home = home
        self._accepted = accepted_kg_per_s
        self._resting: dict[Key, tuple[Account, dict[str, Any], dict[str, Any]]] = {}

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

    def account(self, group: Group) -> Account | None:
        """Return the account of a group with the best balance that has learned."""
        own = self.accounts_of(group)
        return next((a for a in own if a.seen >= ARM_STEPS), own[0] if own else None)

    def accounts_of(self, group: Group) -> list[Account]:
        """Return the live accounts of a group, best balance first."""
        own = [a for a in self.accounts if a.key[0] == group]
        return sorted(own, key=lambda a: BEST_FIRST[a.key[1]])

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

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {
            "filter": self.filter.snapshot(),
            "bank": self.bank.snapshot(),
            "accounts": [_copy(a) for a in self.accounts],
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
        self.knows_oxygen = state["knows_oxygen"]
        self._resting = {
            key: (_copy(account), _copies(stored), _copies(bank))
            for key, (account, stored, bank) in state["resting"].items()
        }

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

    def _break(self, row: int) -> None:
        self.bank.clear(row)
        self.accounts[row].history.append(np.nan)

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


def _copies(columns: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    return {name: values.copy() for name, values in columns.items()}


def _copy(account: Account) -> Account:
    return replace(account, history=list(account.history))
