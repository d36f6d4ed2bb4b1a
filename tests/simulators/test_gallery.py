import pytest
from click.testing import CliRunner

from simulators.gallery import draw, main
from simulators.scenario import load


@pytest.mark.slow
def test_one_command_draws_scenarios_and_the_comparison_with_real_recordings(tmp_path):
    done = CliRunner().invoke(main, ["--out", str(tmp_path / "plots"), "hole_50mm"])
    assert done.exit_code == 0, done.output
    made = {path.name for path in (tmp_path / "plots").iterdir()}
    assert made == {"allan.png", "hole_50mm.png", "index.html"}
    page = (tmp_path / "plots" / "index.html").read_text(encoding="utf-8")
    assert "<img src='hole_50mm.png'" in page
    assert load("hole_50mm").title in page


def test_the_plot_shows_loops_hatches_and_a_panel_for_pressures_that_part():
    labels = [axis.get_ylabel() for axis in draw(load("coolant_loop")).axes]
    assert labels[:4] == ["pressure, mmHg", "temperature, degC", "quantity, kg", "pressure, kPa"]
    hole = draw(load("hole_13mm")).axes
    apart = next(axis for axis in hole if axis.get_ylabel() == "apart, mmHg")
    assert [line.get_label() for line in apart.lines] == ["columbus.pressure"]
    assert [row.get_text() for row in hole[-2].get_yticklabels()] == ["harmony-columbus"]
