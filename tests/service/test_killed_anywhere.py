"""A daemon that is killed again and again announces what one that lives announces, once."""

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def life(config: Path, seed: int, taken: int, lines: int | None) -> tuple[list[str], int, bool]:
    """Return what a daemon told and took until it was killed after so many lines, or ended."""
    arguments = [sys.executable, "-m", "tests.service.mortal", str(config), str(seed), str(taken)]
    told: list[str] = []
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for number, line in enumerate(process.stdout):
            if number == lines:
                process.send_signal(signal.SIGKILL)
            taken += line == "taken\n"
            if line.startswith("told "):
                told.append(line)
            if line == "end\n":
                assert process.wait() == 0
                return told, taken, True
    assert process.returncode == -signal.SIGKILL
    return told, taken, False


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sigkill_at_random_points_neither_loses_nor_repeats_an_announcement(write_config, seed):
    """Three recordings of two and a half hours, each with eight deaths at drawn points."""
    random = np.random.default_rng(seed)
    folder = write_config().parent
    whole, taken, ended = life(write_config(log={"level": "error"}), seed, 0, None)
    assert ended
    assert len(whole) >= 6
    config = write_config(log={"level": "error"}, state={"path": str(folder / "state.db")})
    told: list[str] = []
    at, deaths, ended = 0, 0, False
    while not ended:
        lines = int(random.integers(0, taken // 6)) if deaths < 8 else None
        new, at, ended = life(config, seed, at, lines)
        told += new
        deaths += not ended
    assert deaths >= 5
    assert list(dict.fromkeys(told)) == whole
    repeated = Counter(told) - Counter(whole)
    assert repeated.total() <= deaths
