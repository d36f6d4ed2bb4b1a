"""What a replay keeps of its alerts, and the command that shows it."""

import gzip
import re
from dataclasses import replace

import orjson
import pytest
from click.testing import CliRunner

from service.cli import cli
from service.core.causes import Cause
from service.core.events import (
    ActivityNoted,
    AlertEvent,
    AlertEventKind,
    AlertState,
    CauseNamed,
    RuleKind,
    Severity,
)
from service.core.views import (
    AtmosphereView,
    Balance,
    EstimateQuality,
    GrowthEstimate,
    Insight,
    LeakEstimate,
    Outcome,
)
from service.errors import InputError
from service.evidence import ALERTS, FACTS, FILE, ROWS, Recorder, read, write
from service.explaining import explained, lines

RAISED_S = 1_707_400_800.0
ONSET_S = RAISED_S - 6 * 3600.0
ALERT = AlertEvent(
    time_s=RAISED_S,
    alert_id="leak_growth-hub-1",
    rule="leak_growth",
    kind=RuleKind.LEAK_GROWTH,
    severity=Severity.CAUTION,
    event=AlertEventKind.RAISED,
    state=AlertState.UNACKNOWLEDGED,
    atmosphere="hub",
    sections=("hub", "arm"),
    reason="breach",
    text="hub: the leak grew <by> 0.6 kg/day.",
    growth_kg_per_day=0.6,
    onset_time_s=ONSET_S,
    onset_low_s=ONSET_S - 3600.0,
    onset_high_s=ONSET_S + 3600.0,
    hypotheses={"leak_growth": 0.9, "nothing": 0.1},
)
GROWTH = CauseNamed(
    time_s=RAISED_S,
    atmosphere="hub",
    sections=("hub", "arm"),
    cause=Cause.LEAK_GROWTH,
    since_s=ONSET_S,
    since_low_s=ONSET_S - 3600.0,
    since_high_s=ONSET_S + 3600.0,
    until_s=None,
    rival=Cause.NOTHING,
    lead=2.2,
    hypotheses={"leak_growth": 0.9, "nothing": 0.1},
    declared_as=None,
    text="It grew.",
    onsets=((ONSET_S - 1800.0, 0.5), (ONSET_S, 1.0), (RAISED_S, 0.001)),
)
CREW = ActivityNoted(
    time_s=ONSET_S - 7200.0,
    name="crew",
    place="hub",
    understood=True,
    reason="",
    state="value",
    value=7.0,
    rate_sd_kg_per_day=3.36,
)


def row(time_s):
    insight = Insight(
        time_s=time_s,
        atmosphere="hub",
        sections=("hub", "arm"),
        balance=Balance.TOTAL,
        measured_kg=100.0,
        model_kg=100.1,
        model_sd_kg=0.05,
        oxygen_kg=0.2,
        surprise=-0.7 if time_s % 1200.0 else 0.7,
        oxygen_surprise=None,
        log_odds={Cause.NOTHING: 0.0, Cause.LEAK_GROWTH: 1.5},
    )
    view = AtmosphereView(
        time_s=time_s,
        name="hub",
        sections=("hub", "arm"),
        volume_m3=80.0,
        pressure_pa=99_000.0,
        temperature_k=295.0 + (time_s - RAISED_S) / 1e6,
        air_mass_kg=100.0,
        balance=Balance.TOTAL,
        quality=EstimateQuality.GOOD,
        leak=LeakEstimate(rate_kg_per_s=1e-5, low_kg_per_s=0.0, high_kg_per_s=2e-5),
        growth=GrowthEstimate(statistic_ratio=0.4),
        reserve_time_s={"evacuation": 1e6},
    )
    return insight, view


def outcome(events=(ALERT,), days=10.0, every_s=600.0):
    """Return what a replay says about the alert, and a row for each estimate about it."""
    steps = round(days * 86400.0 / every_s)
    rows = [row(RAISED_S + (step - 0.8 * steps) * every_s) for step in range(steps)]
    insights, views = zip(*rows, strict=True) if rows else ((), ())
    return Outcome(events=events, estimates=views, insights=insights)


def recorded(*outcomes: Outcome):
    recorder = Recorder(station="ring")
    for each in outcomes:
        recorder.take(each)
    return recorder.exhibits()


@pytest.fixture
def replayed(tmp_path):
    """Return a directory as a replay leaves it, with one alert of growth."""
    write(tmp_path / FILE, recorded(outcome((CREW, GROWTH, ALERT))))
    return tmp_path


def explain(*words: object):
    return CliRunner().invoke(cli, ["explain", *map(str, words)])


def test_what_is_kept_is_read_back_as_it_was(replayed):
    (kept,), (exhibit,) = recorded(outcome((CREW, GROWTH, ALERT))), read(replayed)
    assert (exhibit.events, exhibit.facts) == (kept.events, kept.facts)
    assert exhibit.series.keys() == kept.series.keys()
    for name, column in kept.series["hub arm"].items():
        assert exhibit.series["hub arm"][name] == pytest.approx(column, rel=1e-6, nan_ok=True)
    assert exhibit.series["hub arm"]["time_s"].tolist() == kept.series["hub arm"]["time_s"].tolist()


def test_what_is_kept_is_bounded_however_long_the_replay_is():
    many = [replace(ALERT, alert_id=f"{n}", onset_low_s=RAISED_S - 3e7) for n in range(ALERTS + 20)]
    exhibits = recorded(outcome((CREW,) * (FACTS + 50), days=0), outcome(tuple(many), days=300.0))
    assert len(exhibits) == ALERTS
    assert all(len(exhibit.series["hub arm"]["time_s"]) <= ROWS for exhibit in exhibits)
    assert all(len(exhibit.facts) <= FACTS for exhibit in exhibits)


def test_an_alert_that_was_never_raised_is_not_kept():
    assert recorded(outcome((replace(ALERT, event=AlertEventKind.PENDING),))) == []


def test_the_command_shows_hypotheses_known_causes_and_fit_and_writes_the_page(replayed):
    result = explain(ALERT.alert_id, "--from", replayed)
    assert result.exit_code == 0, result.output
    for part in ("a leak that grew", "90.0 %", "no change at all", "crew hub", "3.36 kg/day"):
        assert part in result.output
    assert "temperature moved by +0.02 K" in result.output
    page = (replayed / "explain" / f"{ALERT.alert_id}.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 2, "what was seen, and the onset"
    assert "http" not in page.replace("http-equiv", ""), "the page needs nothing else"
    assert "grew &lt;by&gt; 0.6" in page


def test_the_same_evidence_gives_the_same_page(replayed):
    for name in ("a.html", "b.html"):
        assert explain(ALERT.alert_id, "--from", replayed, "--out", replayed / name).exit_code == 0
    assert (replayed / "a.html").read_bytes() == (replayed / "b.html").read_bytes()


def test_what_was_declared_before_anything_was_seen_takes_no_room_of_the_plot(tmp_path):
    long_ago = replace(CREW, time_s=ONSET_S - 86400.0)

    def drawn(*events: object) -> str:
        write(tmp_path / FILE, recorded(outcome((*events, GROWTH, ALERT), days=0.2)))
        assert explain(ALERT.alert_id, "--from", tmp_path).exit_code == 0
        (page,) = (tmp_path / "explain").iterdir()
        picture = re.search('src="[^"]+"', page.read_text(encoding="utf-8"))
        assert picture
        return picture[0]

    assert drawn(long_ago) == drawn()


def test_an_unknown_alert_lists_those_there_are(replayed):
    result = explain("leak_growth-lab-2", "--from", replayed)
    assert result.exit_code == 2
    assert ALERT.alert_id in result.output


def test_a_directory_without_a_replay_is_refused_with_what_to_do(tmp_path):
    result = explain(ALERT.alert_id, "--from", tmp_path)
    assert result.exit_code == 2
    assert "hullwatch replay" in result.output


def test_an_alert_of_air_that_was_never_weighed_ends_with_1_and_still_tells_its_story(tmp_path):
    write(tmp_path / FILE, recorded(outcome(days=0)))
    result = explain(ALERT.alert_id, "--from", tmp_path)
    assert result.exit_code == 1
    assert "Nothing was recorded" in result.output
    assert (tmp_path / "explain" / f"{ALERT.alert_id}.html").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"no gzip",
        gzip.compress(b"no json"),
        gzip.compress(orjson.dumps([])),
        gzip.compress(orjson.dumps({"format": 99, "exhibits": []})),
        gzip.compress(orjson.dumps({"format": 1, "exhibits": [{}]})),
        gzip.compress(b"{}")[:-4],
        gzip.compress(b"{}")[:10] + b"damaged",
    ],
    ids=["no gzip", "no json", "list", "other format", "empty exhibit", "cut off", "damaged"],
)
def test_evidence_that_is_damaged_or_of_another_version_is_refused(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(InputError, match="replay again"):
        read(tmp_path)


def test_the_fit_is_that_of_the_innovations_before_the_onset():
    (exhibit,) = recorded(outcome((GROWTH, ALERT)))
    fit = explained(exhibit).fit
    assert fit is not None
    seen_s = ONSET_S - 3600.0 - min(exhibit.series["hub arm"]["time_s"])
    assert fit.count == round(seen_s / 600.0)
    assert fit.mean == pytest.approx(0.0, abs=0.01)
    assert fit.sd == pytest.approx(0.7, rel=0.01)
    assert fit.lag_one == pytest.approx(-1.0, abs=0.01)
    assert fit.beyond_two == 0.0


def test_an_alert_of_a_limit_has_no_hypotheses_and_no_onset(tmp_path):
    limit = replace(
        ALERT,
        kind=RuleKind.LIMIT,
        hypotheses={},
        onset_time_s=None,
        onset_low_s=None,
        onset_high_s=None,
        growth_kg_per_day=None,
    )
    (exhibit,) = recorded(outcome((limit,)))
    explanation = explained(exhibit)
    assert explanation.hypotheses == ()
    assert not any("Hypotheses" in line for line in lines(explanation))
    write(tmp_path / FILE, [exhibit])
    assert explain(ALERT.alert_id, "--from", tmp_path).exit_code == 0
