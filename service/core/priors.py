"""What is believed of the noise of a balance before anything is learned of it."""

from dataclasses import asdict, replace
from typing import Final

from service.core.noise import AirNoise, NoiseModel
from service.core.units import S_PER_DAY
from service.core.views import Balance

# Before anything is learned, in mmHg of the group and days. The walks are the classes measured in
# cabins: 0.02 with partial pressures or where nobody breathes, 0.2 with temperature, 1 without (Astro
# Pi records of 2016 and 2022; +-2x). Thermometers step by 0.05 to 0.1 K, which is 0.1 to 0.25 mmHg;
# the orbit is a line of 0.06 mmHg in the pressure of 2022; the others are estimates.
_STILL = NoiseModel(
    white_var=0.03**2,
    brief_var=0.06**2,
    hourly_var=0.05**2,
    daily_var=0.05**2,
    walk_var_per_s=0.02 / S_PER_DAY,
    orbit_var=0.04**2,
)
WARMING_MMHG_PER_DAY: Final = 0.5  # 0.2 K/day that no thermometer sees; beta angle; [estimate]
PRIOR_MMHG: Final[dict[Balance, NoiseModel]] = {
    Balance.TOTAL: _STILL,
    Balance.PRESSURE: replace(
        _STILL,
        brief_var=0.1**2,
        hourly_var=0.2**2,
        daily_var=0.3**2,
        walk_var_per_s=1.0 / S_PER_DAY,
        imbalance_var=(WARMING_MMHG_PER_DAY / S_PER_DAY) ** 2,
    ),
    # In percent of the accumulator; estimates. Gauges of quantity resolve some tenths. 1 K moves
    # what the accumulator of a loop holds by 0.2 (30 L, 250 kg of water) to 0.5 (60 L, 90 kg of
    # ammonia); where it is measured, a tenth of it stays unseen.
    Balance.LIQUID: NoiseModel(
        white_var=0.2**2, brief_var=0.04**2, hourly_var=0.03**2, walk_var_per_s=0.002 / S_PER_DAY
    ),
    Balance.QUANTITY: NoiseModel(
        white_var=0.2**2,
        brief_var=0.3**2,
        hourly_var=0.3**2,
        daily_var=0.3**2,
        walk_var_per_s=0.2 / S_PER_DAY,
    ),
}
# Where people breathe, beside that: the day of the crew and the removal of carbon dioxide (Astro
# Pi), a walk of the oxygen balance, and a rate that lasts for half a day. Where oxygen is neither
# measured nor reported, healthy days of 2016 show -4.0 to +0.9 mmHg/day in Columbus.
DAY_MMHG: Final = 0.2
HALF_DAY_MMHG: Final = 0.2  # as strong: one of 0.1 made a leak of the evening of 6 March 2016
CYCLE_MMHG: Final = 0.05
HEAT_DAY_MMHG: Final = 0.05  # 0.02 K beside what the thermometers see; [estimate]
UNSEEN_DAY_MMHG: Final = 0.25  # 0.1 K of air that no thermometer sees; [estimate]
# Of the wander of bare pressure (variance) in that air: the rest goes with the thermometers elsewhere;
# [estimate], 0 to 0.6 in three simulated stations of others.
UNSEEN_WANDER: Final = 0.5
# Where neither vapour nor CO2 is measured, the crew that rises and goes to bed shows within hours:
# twice a day, so that quiet hours say nothing of it before some days are over. Half a millimetre for
# four in 700 m3; [estimate]
WET_HOURLY_MMHG: Final = 0.2
WET_DAY_MMHG: Final = 0.4
OXYGEN_WALK_MMHG2_PER_DAY: Final = 0.05
IMBALANCE_MMHG_PER_DAY: Final = 2.0
# Where oxygen is accounted for. Over days it is as much as a walk of 0.02 mmHg2/day, that of dry air
# whose activities are booked; six people who breathe a tenth more or less from day to day make 0.2 kg
# of oxygen of it, which is 0.14 mmHg on 900 m3; [estimate].
BALANCED_MMHG_PER_DAY: Final = 0.15
# Of the oxygen sensor itself; Columbus 2015, and a drift of 0.1 mmHg a week.
OXYGEN_SENSOR_MMHG: Final = NoiseModel(
    white_var=0.15**2, hourly_var=0.08**2, walk_var_per_s=0.0014 / S_PER_DAY
)


def prior_noise(
    balance: Balance, *, is_home: bool, knows_oxygen: bool, unseen: float = 0.0
) -> AirNoise:
    """Return what is believed of the noise before anything is learned, in mmHg.

    `is_home` says whether people breathe there, and `knows_oxygen` whether what they breathe and
    what is made is reported. `unseen` is the share of a section without a thermometer that wanders
    as much as all that have none.
    """
    air, oxygen_walk = PRIOR_MMHG[balance], 0.0
    if balance is Balance.TOTAL:
        air = _partly(air, PRIOR_MMHG[Balance.PRESSURE], UNSEEN_WANDER * unseen**2)
    if is_home:
        imbalance = BALANCED_MMHG_PER_DAY if knows_oxygen else IMBALANCE_MMHG_PER_DAY
        air = replace(
            air,
            imbalance_var=air.imbalance_var + (imbalance / S_PER_DAY) ** 2,
            day_var=DAY_MMHG**2,
            half_day_var=HALF_DAY_MMHG**2,
            cycle_var=CYCLE_MMHG**2,
            heat_day_var=HEAT_DAY_MMHG**2 + (unseen * UNSEEN_DAY_MMHG) ** 2,
            # Looked for among what people do within hours, it takes some of that for its own, and the
            # evening of 6 March 2016 is beyond the threshold of a growth.
            orbit_var=0.0,
        )
        oxygen_walk = OXYGEN_WALK_MMHG2_PER_DAY / S_PER_DAY
    return AirNoise(air=air, oxygen_walk_var_per_s=oxygen_walk, sensor=OXYGEN_SENSOR_MMHG)


def _partly(seen: NoiseModel, bare: NoiseModel, share: float) -> NoiseModel:
    """Return the noise of air of which a share of the variance is that of bare pressure."""
    most = asdict(bare)
    return replace(
        seen, **{part: one + share * (most[part] - one) for part, one in asdict(seen).items()}
    )
