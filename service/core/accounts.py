"""Keeps an account of the air of every group of sections.

An account belongs to a set of sections and a balance: the compensated mass, weighed together with
the oxygen in it where that is measured, or the bare pressure, which is all there is without a
thermometer and a witness beside one. When hatches regroup the sections, the accounts of groups that
are no more rest, and go on with what they knew of the rate when the same group forms again: the
tunnel that is shut every night is one story.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.account import ARM_STEPS, Account
from service.core.air import NITROGEN_SHARE
from service.core.air_reading import AirReading
from service.core.estimators import (
    BRIEF,
    DAILY,
    FLOW_EXPONENT,
    HOURLY,
    MASS,
    OXYGEN_IN_IT,
    OXYGEN_SHARE,
    TOTAL,
    LeakFilter,
)
from service.core.growth import JUMP_SHARE, ChangeBank
from service.core.life_support import LifeSupport
from service.core.memory import Key, Known, Recent
from service.core.noise import AirNoise, Record, fit_air_noise, fit_noise
from service.core.physics import R_AIR, REFERENCE_TEMPERATURE_K
from service.core.priors import PRIOR_MMHG, WET_DAY_MMHG, WET_HOURLY_MMHG, prior_noise
from service.core.station import Group
from service.core.units import PA_PER_MMHG, S_PER_DAY
from service.core.views import Balance

BEST_FIRST: Final = {balance: place for place, balance in enumerate(Balance)}
OF_LOOPS: Final = frozenset({Balance.LIQUID, Balance.QUANTITY})
LOOP_JUMP_SHARE: Final = 0.3  # of what the accumulator holds: a refill; [estimate]
# Squares of each part that the prior noise counts as. By `python -m tests.benchmarks.foretelling` a fourth
# of it foretells the noise to come better in the first days and worse after a week, four times as much
# the other way round. The bare pressure where people live shows all their heat, of which quiet days tell
# little: in Columbus 2016 it passed the threshold with a weight of 0.25.
PRIOR_WEIGHT: Final = 0.25
BARE_PRIOR_WEIGHT: Final = 1.0
# kg/s, of a group never seen before; the ISS leaked 0.1 to 1.7 kg/day from 2018 to 2026, and a hole
# is as large in a small section as in a large one.
RATE_PRIOR_SD: Final = 1.0 / S_PER_DAY
LEAST_RATE_SD: Final = 0.1 / S_PER_DAY  # kg/s, of a part of what is known as a whole; [estimate]
FULL_STATION_M3: Final = 900.0
SETTLE_S: Final = 600.0  # after a hatch moved: equalising takes seconds to minutes, heat longer
LATE_S: Final = 600.0  # by which a hatch may have moved before the time that is said; [estimate]
SETTLE_SHARE: Final = 0.02  # of the mass that may come or go meanwhile, balance by balance
MIXES_KG: Final = 1.0  # that an oxygen sensor may be wrong meanwhile, balance by balance
CO2_UNSURE: Final = 0.5  # of how much more or less is kept in the air; machines differ; [estimate]
RISEN: Final = 1.1  # times the pressure at which noise was learned, that calls for more noise
LIFE_SUPPORTS: Final = 8  # states of life support remembered; crews and machines have few
RESTING: Final = 64  # accounts remembered; the groups a station forms in months are fewer
SETTLED_STEPS: Final = 2880  # balances, of two days, before air is taken for well booked and known


@dataclass(frozen=True, slots=True, kw_only=True)
class Balances:
    """What is new in each account, as columns.

    `oxygen_kg` is NaN where it is not new. The mass is within `half_kg` of `middle_kg` more than
    `mass_kg`, for want of finer gauges.
    """

    time_s: NDArray[np.float64]
    mass_kg: NDArray[np.float64]
    middle_kg: NDArray[np.float64]
    half_kg: NDArray[np.float64]
    oxygen_kg: NDArray[np.float64]
    gained_kg: NDArray[np.float64]
    used: NDArray[np.bool_]

    @classmethod
    def none(cls, count: int) -> "Balances":
        """Return columns in which nothing is new."""
        return cls(
            time_s=np.zeros(count),
            mass_kg=np.zeros(count),
            middle_kg=np.zeros(count),
            half_kg=np.zeros(count),
            oxygen_kg=np.full(count, np.nan),
            gained_kg=np.zeros(count),
            used=np.zeros(count, np.bool_),
        )


class Ledger:
    """All accounts of a station, live and resting.

    Parameters
    ----------
    home : int
        The section where the crew is taken to be at first.

    Attributes
    ----------
    filter, bank, accounts
        The live accounts: row by row the same.
    knows_oxygen : bool
        Whether crew and oxygen generation are reported, so that they can be booked.
    home : int
        The section where it is taken to be now.
    """

    def __init__(self, accepted_kg_per_s: float, home: int) -> None:
        self.knows_oxygen = False
        self.filter = LeakFilter()
        self.bank = ChangeBank()
        self.accounts: list[Account] = []
        self.home = home
        self._accepted = accepted_kg_per_s
        self._life_support = LifeSupport()
        self._resting: dict[Key, tuple[Account, Known]] = {}
        self._recent = Recent()

    def regroup(self, groups: Sequence[Group], moved_s: float) -> None:
        """Let the accounts of other groups rest, with what they knew before a hatch moved.

        What came after it would be taken for a leak or gas that was moved when they go on.
        """
        live = set(groups)
        keep = []
        for row, account in enumerate(self.accounts):
            if account.key[0] in live:
                keep.append(row)
            else:
                now = self._known(row)
                known = self._recent.take(account.key, moved_s - LATE_S, now).noise_of(now)
                account.pressure_pa = known.pressure_pa
                account.excise(float(self.filter.time_s[row]) - known.time_s)
                account.interrupt()
                self._resting[account.key] = (account, known)
        while len(self._resting) > RESTING:
            del self._resting[next(iter(self._resting))]
        self._keep(keep)

    def rate(self, key: Key) -> tuple[float, float] | None:
        """Return rate and standard error of an account, live or resting, kg/s."""
        for row, account in enumerate(self.accounts):
            if account.key == key:
                return self.filter.rate(row)
        if key in self._resting:
            return self._resting[key][1].rate
        return None

    def account(self, group: Group) -> Account | None:
        """Return the account of a group with the best balance that has learned."""
        own = self.accounts_of(group)
        return next((a for a in own if a.is_armed), own[0] if own else None)

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
        since_s: float | None = None,
    ) -> None:
        """Let the masses of the groups move by an unknown amount, and do not test meanwhile.

        `mixing_sd_kg` is for the oxygen sensor, which lags behind where oxygen is measured in one
        place. What speaks for a leak only since shortly before `since_s` does so no more.
        """
        for row, account in enumerate(self.accounts):
            if account.key[0] not in groups:
                continue
            if since_s is not None:
                known = self._recent.newest(account.key, since_s - LATE_S)
                if known is not None and self.bank.speaks_since(row, known.bank):
                    account.excise(float(self.filter.time_s[row]) - known.time_s)
                    self._recall(row, known)
                    self.bank.unsee(row, known.bank)
                    self._forget(row, known.time_s)
            # Not knowing which gas it was.
            var = mass_sd_kg**2
            self.filter.reopen(row, mass_var=var, oxygen_var=var, lag_var=mixing_sd_kg**2)
            if mass_sd_kg > 0.0:
                account.quiet_until_s = max(account.quiet_until_s, until_s)
                account.interrupt()

    def adapt(self, life_support: LifeSupport) -> None:
        """Let people breathe and machines run otherwise than before.

        The books may then be wrong by more or by less; nitrogen does not notice.
        """
        self._life_support = life_support
        for row in range(len(self.accounts)):
            self._adapt(row)

    def admit_breath(
        self,
        groups: Sequence[Group],
        vapour_sd_kg: float,
        co2_kg: float,
        unmixed_co2_kg: float = 0.0,
    ) -> None:
        """Let vapour come or go within hours, and so much CO2 within a day, where they are not measured.

        Where CO2 is measured, so much of it may go where it is not, hours before it is missed.
        """
        for row, account in enumerate(self.accounts):
            if account.key[0] not in groups:
                continue
            if not account.is_dry:
                self.filter.relax(row, HOURLY, 0.0, vapour_sd_kg)
            if account.sees_co2:
                for part in (BRIEF, HOURLY):  # it goes within an hour and is missed within three
                    self.filter.relax(row, part, 0.0, unmixed_co2_kg)
            else:
                self.filter.relax(row, DAILY, co2_kg, CO2_UNSURE * abs(co2_kg))

    def book_inflow(self, group: Group, mass_kg: float) -> None:
        """Add gas other than nitrogen that is known to have come in."""
        for account in self.accounts:
            if account.key[0] == group:
                account.inflow_kg += mass_kg

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {
            "filter": self.filter.snapshot(),
            "bank": self.bank.snapshot(),
            "accounts": [a.copy() for a in self.accounts],
            "knows_oxygen": self.knows_oxygen,
            "life_support": self._life_support,
            "resting": {
                key: (account.copy(), known) for key, (account, known) in self._resting.items()
            },
            "recent": self._recent.snapshot(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self.filter.restore(state["filter"])
        self.bank.restore(state["bank"])
        self.accounts = [a.copy() for a in state["accounts"]]
        self.knows_oxygen = state["knows_oxygen"]
        self._life_support = state["life_support"]
        self._resting = {
            key: (account.copy(), known) for key, (account, known) in state["resting"].items()
        }
        self._recent.restore(state["recent"])

    def _enter(self, readings: Mapping[Group, AirReading]) -> NDArray[np.bool_]:
        """Take in new readings; return which accounts have a new balance."""
        for group, reading in readings.items():
            self._open(group, reading)
        new = self._collect(readings)
        if not new.used.any():
            return new.used
        before_s = self.filter.time_s.copy()
        counted_s = before_s.copy()
        for row, account in enumerate(self.accounts):
            if new.used[row] and account.unseen_from_s is not None:
                counted_s[row], account.unseen_from_s = account.unseen_from_s, None
        now_s = np.where(new.used, new.time_s, self.filter.time_s)
        move = self.filter.advance(now_s, new.gained_kg, new.used)
        self.bank.advance(move, now_s, counted_s)
        self._see(TOTAL, new.mass_kg, new.used, new.middle_kg, new.half_kg)
        self._see(OXYGEN_IN_IT, new.oxygen_kg, np.isfinite(new.oxygen_kg))
        self.bank.breed(now_s, counted_s, new.used)
        for row in np.flatnonzero(new.used).tolist():
            self._learn(
                row, float(new.mass_kg[row]), float(new.oxygen_kg[row]), float(before_s[row])
            )
            if self._recent.is_due(self.accounts[row].key, float(now_s[row])):
                self._recent.keep(self.accounts[row].key, self._known(row))
        return new.used

    def _known(self, row: int) -> Known:
        return Known(
            filter=self.filter.take(row),
            bank=self.bank.rest(row),
            pressure_pa=self.accounts[row].pressure_pa,
        )

    def _see(
        self,
        what: int,
        measured_kg: NDArray[np.float64],
        seen: NDArray[np.bool_],
        middle_kg: NDArray[np.float64] | float = 0.0,
        half_kg: NDArray[np.float64] | float = 0.0,
    ) -> None:
        """Let filter and bank see what is new of one kind, and keep it to be shown."""
        if not seen.any():
            return
        look, gain, innovation, variance, believed = self.filter.weigh(
            what, measured_kg + middle_kg, seen, half_kg
        )
        self.bank.see(look, gain, innovation, variance, believed)
        surprise = innovation / np.sqrt(variance)
        for row in np.flatnonzero(believed).tolist():
            account = self.accounts[row]
            if what == TOTAL:
                account.measured_kg = float(measured_kg[row])
                account.surprises = (float(surprise[row]), np.nan)
            else:
                account.surprises = (account.surprises[0], float(surprise[row]))

    def _collect(self, readings: Mapping[Group, AirReading]) -> "Balances":
        new = Balances.none(len(self.accounts))
        for row, account in enumerate(self.accounts):
            group, balance = account.key
            air = readings.get(group)
            if air is None or air.time_s <= self.filter.time_s[row]:
                continue
            mass = _balance_of(air, balance)
            if mass is None:
                continue
            new.time_s[row], new.mass_kg[row], new.used[row] = air.time_s, mass, True
            if air.pressure_pa:
                below_kg, above_kg = (mass * part / air.pressure_pa for part in air.rounding_pa)
                new.middle_kg[row] = (above_kg - below_kg) / 2.0
                new.half_kg[row] = (above_kg + below_kg) / 2.0
            if air.volume_m3 != account.volume_m3:
                factor = air.volume_m3 / account.volume_m3
                self._enlarge(row, factor)
                account.per_mmhg_kg *= factor
                account.volume_m3 = air.volume_m3
            if balance is Balance.TOTAL and air.nitrogen_is_new and air.nitrogen_kg is not None:
                new.oxygen_kg[row] = mass - NITROGEN_SHARE * air.nitrogen_kg
                if not account.sees_oxygen:
                    self.filter.oxygen_share[row] = new.oxygen_kg[row] / mass
            if air.time_s <= account.settles_until_s:
                self.filter.reopen(row, mass_var=(SETTLE_SHARE * mass) ** 2)
            if air.time_s <= account.mixes_until_s:
                self.filter.reopen(row, lag_var=MIXES_KG**2)
            astray_var = account.astray_var(float(self.filter.time_s[row]), air.time_s)
            self.filter.reopen(row, offset_var=astray_var)
            account.pressure_pa = air.pressure_pa or account.pressure_pa
            is_total = balance is Balance.TOTAL  # the bare pressure is of all there is
            account.is_dry, account.sees_co2 = is_total and air.is_dry, is_total and air.sees_co2
            account.unseen = air.unseen
            new.gained_kg[row], account.inflow_kg = account.inflow_kg, 0.0
            account.booked_kg += float(new.gained_kg[row])
        return new

    def _enlarge(self, row: int, factor: float) -> None:
        """Let noise be known for so much more air: an unseen temperature weighs with the air."""
        self.filter.enlarge(row, factor)
        self.accounts[row].enlarge(factor)
        self._forget(row)

    def _open(self, group: Group, reading: AirReading) -> None:
        known = {a.key for a in self.accounts if a.key[0] == group}
        for balance in PRIOR_MMHG:
            if (group, balance) in known:
                continue
            mass = _balance_of(reading, balance)
            if mass is None:
                continue
            temperature = reading.temperature_k or REFERENCE_TEMPERATURE_K
            per_mmhg = PA_PER_MMHG * reading.volume_m3 / (R_AIR * temperature)
            if reading.liquid is not None:
                per_mmhg = reading.liquid.percent_kg
            key = (group, balance)
            if key in self._resting:
                account, resting = self._resting.pop(key)
                self.accounts.append(account)
                row = self.filter.append(**resting.filter)
                self.bank.wake(resting.bank)
                self._adapt(row)
                account.unseen_from_s = float(self.filter.time_s[row])
                if reading.pressure_pa is not None and account.pressure_pa > 0.0:
                    self.filter.drive(row, reading.pressure_pa / account.pressure_pa)
                    if reading.pressure_pa > RISEN * account.noise_pa:
                        self._enlarge(row, reading.pressure_pa / account.noise_pa)
                        account.noise_pa = reading.pressure_pa
                self.filter.restart_mass(row, reading.time_s, mass)
                account.settles_until_s = reading.time_s + SETTLE_S
                continue
            rate, rate_sd = self._belief(group, balance, reading.volume_m3)
            account = Account(
                key=key,
                volume_m3=reading.volume_m3,
                per_mmhg_kg=per_mmhg,
                belief=(rate, rate_sd),
                life_support=self._life_support,
                opened_s=reading.time_s,
                settles_until_s=reading.time_s + SETTLE_S,
                unseen=reading.unseen,
            )
            self.accounts.append(account)
            self.filter.start(
                reading.time_s,
                mass,
                rate,
                rate_sd,
                self._prior(account),
                flow_exponent=0.0 if balance in OF_LOOPS else FLOW_EXPONENT,
            )
            self.bank.append(jump_share=LOOP_JUMP_SHARE if balance in OF_LOOPS else JUMP_SHARE)

    def _belief(self, group: Group, balance: Balance, volume_m3: float) -> tuple[float, float]:
        """Return what is believed of the rate of a group never seen before, kg/s."""
        if balance in OF_LOOPS:
            return 0.0, RATE_PRIOR_SD
        inside = set(group)
        share = min(volume_m3 / FULL_STATION_M3, 1.0)
        wholes = [w for w in self._resting.values() if inside < set(w[0].key[0])]
        if wholes:
            # Whatever it was weighed by, the leak of the whole was one.
            whole, known = min(wholes, key=lambda w: (len(w[0].key[0]), BEST_FIRST[w[0].key[1]]))
            rate, error = known.rate
            # A lasting loss of oxygen that nothing tells from a leak is one of the whole.
            unseen = 0.0 if whole.sees_oxygen else float(np.sqrt(known.filter["imbalance_var"]))
            sd = float(np.hypot(np.hypot(error, unseen), max(abs(rate), LEAST_RATE_SD)))
            return max(rate, 0.0) * share, sd
        parts = [key for key in self._resting if set(key[0]) < inside and key[1] is balance]
        if parts:
            rate, error = self.rate(max(parts, key=lambda key: len(key[0]))) or (0.0, 0.0)
            return rate, float(np.hypot(error, max(abs(rate), 0.3 * RATE_PRIOR_SD)))
        return self._accepted * share, RATE_PRIOR_SD

    def _learn(self, row: int, mass_kg: float, oxygen_kg: float, before_s: float) -> None:
        account = self.accounts[row]
        account.record(float(self.filter.time_s[row]), before_s, mass_kg, oxygen_kg)
        if account.is_due_to_learn():
            account.trim()
            noise, account.compared = self._fitted(account)
            self.filter.set_noise(row, noise)
        if account.seen == ARM_STEPS:
            # What the first hour said of the rate, it said with a noise model that was a guess.
            self.filter.restart_rate(row, *account.belief)
            self.bank.clear(row)
            self._forget(row)
            account.unseen_from_s = account.opened_s

    def _fitted(self, account: Account) -> tuple[AirNoise, tuple[float, ...]]:
        prior = self._prior(account)
        is_bare_home = account.key[1] is Balance.PRESSURE and self._is_home(account)
        prior_weight = BARE_PRIOR_WEIGHT if is_bare_home else PRIOR_WEIGHT
        # Where nobody lives and the temperature is known, days wander as hours do.
        is_alike = account.key[1] is Balance.TOTAL and not self._is_home(account)
        history = np.array(account.history)
        if account.sees_oxygen:
            nitrogen, oxygen = np.array(account.nitrogen), np.array(account.oxygen)
            spacing_s = account.nitrogen_spacing_s
            return fit_air_noise(
                Record(values=history, spacing_s=account.spacing_s),
                Record(values=nitrogen, spacing_s=spacing_s),
                Record(values=oxygen, spacing_s=spacing_s),
                prior,
                prior_weight=prior_weight,
                share=OXYGEN_SHARE,
                rescale=is_alike,
            )
        total, compared = fit_noise(
            history,
            account.spacing_s,
            prior.total(),
            prior_weight=prior_weight,
            rescale=is_alike,
        )
        if self._is_unsettled_wet_home(account):
            total = replace(total, hourly_var=max(total.hourly_var, prior.air.hourly_var))
        if self._is_witness(account) or account.key[1] is Balance.QUANTITY:
            # Days on which no temperature moved say nothing of one on which it does, or on which a
            # thermometer lies.
            total = total.at_least(prior.air)
        return replace(prior, air=total, oxygen_walk_var_per_s=0.0), compared

    def _is_witness(self, account: Account) -> bool:
        """Say whether a bare pressure only speaks for or against a compensated mass."""
        group, balance = account.key
        return balance is Balance.PRESSURE and any(
            other.key == (group, Balance.TOTAL) for other in self.accounts
        )

    def _prior(self, account: Account) -> AirNoise:
        prior = prior_noise(
            account.key[1],
            is_home=self._is_home(account),
            knows_oxygen=self._books_oxygen(account),
            unseen=account.unseen,
        )
        if self._is_unsettled_wet_home(account):
            air = replace(prior.air, hourly_var=WET_HOURLY_MMHG**2, day_var=WET_DAY_MMHG**2)
            prior = replace(prior, air=air)
        return prior.scaled(account.per_mmhg_kg)

    def _is_home(self, account: Account) -> bool:
        """Say whether people live in that air."""
        return self.home in account.key[0]

    def _is_unsettled_wet_home(self, account: Account) -> bool:
        """Say whether people breathe there and nothing has told yet of what they breathe out."""
        at_home = account.key[1] is Balance.TOTAL and self._is_home(account)
        is_told = account.is_dry or account.sees_oxygen or account.seen >= SETTLED_STEPS
        return at_home and not is_told

    def _books_oxygen(self, account: Account) -> bool:
        """Say whether what people breathe and what is made has been booked for long enough."""
        return self.knows_oxygen and account.seen >= SETTLED_STEPS

    def _adapt(self, row: int) -> None:
        """Let what is known of the loss of oxygen be that of the present life support.

        A failed generator that runs again makes what it made before, so the nearest state of life
        support that was seen tells most of it.
        """
        account = self.accounts[row]
        before, now = account.life_support, self._life_support
        if now == before or not self._is_home(account):
            return
        account.life_support = now
        account.stir(before.moved_kg_per_s(now), float(self.filter.time_s[row]))
        account.deficits.pop(before, None)
        account.deficits[before] = self.filter.deficit(row)
        while len(account.deficits) > LIFE_SUPPORTS:
            del account.deficits[next(iter(account.deficits))]

        def variance(known: LifeSupport) -> float:
            return account.deficits[known][1] + known.apart_kg_per_s(now) ** 2

        nearest = min(reversed(account.deficits), key=variance)
        if nearest == before:
            self.filter.reopen(row, deficit_var=before.apart_kg_per_s(now) ** 2)
        else:
            self.filter.restate_deficit(row, account.deficits[nearest][0], variance(nearest))
            self.bank.restate_deficit(row)

    def _forget(self, row: int, since_s: float = -np.inf) -> None:
        """Let nothing come back of what was known of a row since a time."""
        self._recent.forget(self.accounts[row].key, since_s)

    def _recall(self, row: int, known: Known, part: int = MASS) -> None:
        """Let an account start anew from its newest balance, with what it knew before gas was moved.

        What the filter took that gas for meanwhile, such as the day of the crew, would come and go for
        days. `part` of its state is what was moved.
        """
        measured_kg = self.accounts[row].measured_kg
        if measured_kg is not None:
            self.filter.recall(row, known.noise_of(self._known(row)).filter)
            self.filter.state[row, part] += measured_kg - self.filter.balance(row)

    def _pass_over(self, row: int, since_s: float = -np.inf) -> None:
        """Let what was seen since a time, and has been entered, speak for no change.

        What spoke for one before that goes on doing so, as far as is still known.
        """
        account = self.accounts[row]
        before = self._recent.before(account.key, since_s)
        if before is None:
            self.bank.clear(row)
        else:
            self.bank.unsee(row, before.bank)
        account.interrupt()
        self._forget(row, since_s)

    def _keep(self, rows: Sequence[int]) -> None:
        self.filter.keep(rows)
        self.bank.keep(rows)
        self.accounts = [self.accounts[row] for row in rows]


def _balance_of(reading: AirReading, balance: Balance) -> float | None:
    """Return the mass an account of this balance takes from a reading, None if nothing is new."""
    if not reading.pressure_is_new:
        return None
    if reading.liquid is not None:
        own = Balance.LIQUID if reading.liquid.is_compensated else Balance.QUANTITY
        return reading.liquid.mass_kg if balance is own else None
    if balance is Balance.TOTAL:  # of dry air where it can be: one account, no step
        return reading.total_kg if reading.temperature_k is not None else None
    return reading.bare_kg if balance is Balance.PRESSURE else None
