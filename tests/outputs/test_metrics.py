"""What Prometheus sees of the service."""

import asyncio
from dataclasses import dataclass, field, replace
from math import isnan
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from service.core.events import AlertEventKind
from service.core.views import EstimateQuality
from service.outputs.base import OutputStatus
from service.outputs.families import families
from service.outputs.metrics import OUTCOMES_AT_MOST, Metrics

CONTRACT = {
    "hullwatch_build_info": {"version"},
    "hullwatch_pressure_pascals": {"section"},
    "hullwatch_temperature_celsius": {"section"},
    "hullwatch_air_mass_grams": {"atmosphere"},
    "hullwatch_coolant_mass_grams": {"loop"},
    "hullwatch_leak_rate_grams_per_second": {"atmosphere"},
    "hullwatch_leak_rate_lower_bound_grams_per_second": {"atmosphere"},
    "hullwatch_leak_rate_upper_bound_grams_per_second": {"atmosphere"},
    "hullwatch_leak_flow_exponent": {"atmosphere"},
    "hullwatch_leak_growth_statistic_ratio": {"atmosphere"},
    "hullwatch_leak_growth_grams_per_second": {"atmosphere"},
    "hullwatch_leak_growth_onset_timestamp_seconds": {"atmosphere"},
    "hullwatch_leak_suspect_probability_ratio": {"section"},
    "hullwatch_isolation_test_running": set(),
    "hullwatch_isolation_doubts": set(),
    "hullwatch_reserve_time_seconds": {"atmosphere", "floor"},
    "hullwatch_reserve_time_lower_bound_seconds": {"atmosphere", "floor"},
    "hullwatch_reserve_time_upper_bound_seconds": {"atmosphere", "floor"},
    "hullwatch_equivalent_hole_lower_bound_meters": {"atmosphere"},
    "hullwatch_equivalent_hole_upper_bound_meters": {"atmosphere"},
    "hullwatch_air_mass_standard_error_grams": {"atmosphere"},
    "hullwatch_free_volume_cubic_meters": {"atmosphere"},
    "hullwatch_free_volume_standard_error_cubic_meters": {"atmosphere"},
    "hullwatch_sensor_trusted": {"channel"},
    "hullwatch_estimate_balance": {"atmosphere", "balance"},
    "hullwatch_estimate_quality": {"atmosphere", "quality"},
    "hullwatch_hatch_open": {"hatch"},
    "hullwatch_alert_active": {"rule", "atmosphere", "severity"},
    "hullwatch_alert_state": {"rule", "atmosphere", "state"},
    "hullwatch_alert_events_total": {"rule", "event"},
    "hullwatch_causes_named_total": {"cause"},
    "hullwatch_incidents_open": {"severity"},
    "hullwatch_annunciations_recent": set(),
    "hullwatch_samples_total": {"source", "outcome"},
    "hullwatch_last_sample_timestamp_seconds": {"channel"},
    "hullwatch_source_up": {"source"},
    "hullwatch_source_reconnects_total": {"source"},
    "hullwatch_source_sessions_lost_total": {"source"},
    "hullwatch_last_tick_timestamp_seconds": set(),
    "hullwatch_output_writes_total": {"output", "outcome"},
    "hullwatch_output_queue_length": {"output"},
    "hullwatch_output_dropped_total": {"output"},
}


@dataclass
class Link:
    up: bool = True
    reconnects: int = 0
    sessions_lost: int = 0


@dataclass
class FakeSource:
    name: str = "mqtt"
    status: Link = field(default_factory=Link)


@dataclass
class FakeOutput:
    name: str = "influx"
    status: OutputStatus = field(default_factory=OutputStatus)


@pytest.fixture
def metrics(view, loop_estimate):
    shown = replace(view, atmospheres=(*view.atmospheres, loop_estimate))
    return Metrics(
        view=lambda: shown,
        version="0.1.0",
        rules=["leak_growth", "silence"],
        sources=[FakeSource()],
        outputs=[FakeOutput()],
        outcomes=["not_finite"],
    )


def series(metrics, accept=""):
    """Return value by (name, labels) of one scrape."""
    body, content_type = metrics.render(metrics.read(), accept)
    parse = parse_openmetrics if "openmetrics" in content_type else parse_text
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in parse(body.decode())
        for sample in family.samples
    }


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"])
def test_the_metrics_are_those_of_the_contract_in_both_formats(metrics, accept):
    found = {
        key[0]: {label for label, _ in key[1:]}
        for key in series(metrics, accept)
        if key[0].startswith("hullwatch_")
    }
    assert found == CONTRACT


def test_values_are_in_base_units(metrics):
    found = series(metrics)
    zvezda = ("atmosphere", "zvezda")
    assert found["hullwatch_leak_rate_grams_per_second", zvezda] == pytest.approx(1.2e-2)
    assert found["hullwatch_air_mass_grams", zvezda] == pytest.approx(104_500.0)
    assert found["hullwatch_temperature_celsius", ("section", "zvezda")] == pytest.approx(22.85)
    assert found["hullwatch_reserve_time_seconds", zvezda, ("floor", "evacuation")] == 3.0e6
    assert found["hullwatch_leak_suspect_probability_ratio", ("section", "prk")] == 0.97


def test_a_loop_has_the_metrics_of_an_atmosphere_and_coolant_in_place_of_air(metrics):
    found = series(metrics)
    radiator = ("atmosphere", "radiator")
    assert found["hullwatch_coolant_mass_grams", ("loop", "radiator")] == pytest.approx(9500.0)
    assert found["hullwatch_leak_rate_grams_per_second", radiator] == pytest.approx(0.1)
    assert found["hullwatch_reserve_time_seconds", radiator, ("floor", "coolant")] == 86_400.0
    assert ("hullwatch_air_mass_grams", radiator) not in found


def test_what_is_unknown_has_no_series_and_an_unknown_hatch_is_not_a_number(metrics):
    found = series(metrics)
    assert ("hullwatch_pressure_pascals", ("section", "prk")) not in found
    assert ("hullwatch_leak_rate_grams_per_second", ("atmosphere", "lab")) not in found
    departure = (("atmosphere", "zvezda"), ("floor", "crew_departure"))
    assert ("hullwatch_reserve_time_seconds", *departure) not in found
    assert isnan(found["hullwatch_hatch_open", ("hatch", "lab-node")])


def test_before_the_first_tick_there_is_no_tick_time(view):
    metrics = Metrics(view=lambda: replace(view, now_s=None), version="0")
    assert ("hullwatch_last_tick_timestamp_seconds",) not in series(metrics)


def test_quality_and_alert_state_show_exactly_one_of_all_words(metrics):
    found = series(metrics)
    qualities = [
        found["hullwatch_estimate_quality", ("atmosphere", "zvezda"), ("quality", quality)]
        for quality in EstimateQuality
    ]
    assert qualities == [1.0, 0.0, 0.0]
    states = [value for key, value in found.items() if key[0] == "hullwatch_alert_state"]
    assert (len(states), sum(states)) == (9, 1.0)


def test_counters_stand_at_zero_from_the_start(metrics):
    found = series(metrics)
    assert {
        key: value for key, value in found.items() if key[0].endswith("_total") and value
    }.keys() <= {key for key in found if key[0].startswith(("python_", "process_"))}
    events = [key for key in found if key[0] == "hullwatch_alert_events_total"]
    assert len(events) == 2 * len(AlertEventKind)
    outcomes = {dict(key[1:])["outcome"] for key in found if key[0] == "hullwatch_samples_total"}
    assert outcomes == {"accepted", "not_finite", "other"}


def test_counters_count(metrics, alert_event, other_events):
    metrics.count_samples("mqtt", "accepted", 7)
    metrics.count_samples("mqtt", "accepted")
    metrics.count_events((alert_event, *other_events))
    found = series(metrics)
    assert found["hullwatch_samples_total", ("outcome", "accepted"), ("source", "mqtt")] == 8
    raised = (("event", "raised"), ("rule", "leak_growth"))
    assert found["hullwatch_alert_events_total", *raised] == 1


def test_input_cannot_mint_series_without_bound(metrics):
    for number in range(1000):
        metrics.count_samples("mqtt", f"reason {number}")
    counts = {
        key: value for key, value in series(metrics).items() if key[0] == "hullwatch_samples_total"
    }
    assert len(counts) <= OUTCOMES_AT_MOST
    assert sum(counts.values()) == 1000


def test_a_reading_does_not_change_after_it_was_taken(metrics):
    reading = metrics.read()
    before = list(families(reading))
    metrics.count_samples("mqtt", "accepted", 5)
    assert list(families(reading)) == before


async def test_promtool_finds_nothing_to_complain_about(metrics):
    body, _ = metrics.render(metrics.read(), "")
    own = body.split(b"# HELP python_gc", 1)[0].split(b"# HELP process_", 1)[0]
    process = await asyncio.create_subprocess_exec(
        "promtool",
        "check",
        "metrics",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    complaints, _ = await process.communicate(own)
    assert complaints.decode() == ""
    assert process.returncode == 0


async def test_a_real_prometheus_scrapes_it(metrics, tmp_path: Path, serving):
    async def scrape(request: web.Request) -> web.Response:
        body, content_type = metrics.render(metrics.read(), request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    application = web.Application()
    application.router.add_get("/metrics", scrape)
    async with serving(application) as target:
        config = tmp_path / "prometheus.yml"
        config.write_text(
            "scrape_configs:\n- job_name: hullwatch\n  scrape_interval: 1s\n"
            f"  static_configs: [{{targets: ['{target.removeprefix('http://')}']}}]\n"
        )
        async with serving.prometheus(config, tmp_path / "tsdb") as url:
            query = 'hullwatch_leak_rate_grams_per_second{atmosphere="zvezda"}'
            rate = await first_answer(url, query)
            assert float(rate["value"][1]) == pytest.approx(1.2e-2)
            assert await first_answer(url, 'hullwatch_samples_total{outcome="accepted"}')
            assert await first_answer(url, "process_resident_memory_bytes")


async def first_answer(url, query):
    """Ask until there is an answer."""
    async with asyncio.timeout(20), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{url}/api/v1/query", params={"query": query}) as response:
                result = (await response.json())["data"]["result"]
            if result:
                return result[0]
            await asyncio.sleep(0.1)
