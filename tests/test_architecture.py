"""Dependencies point the way that the contracts in pyproject.toml say."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINT = Path(sys.executable).with_name("lint-imports")


def test_every_module_stands_in_a_layer_and_imports_only_from_below():
    assert LINT.exists(), "install the dev dependencies (import-linter)"
    result = subprocess.run(
        [str(LINT), "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stdout
