"""The lock files hold all that pyproject.toml asks for, and nothing of where it was got."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNNING = PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["demo"]
DEVELOPING = RUNNING + PROJECT["dependency-groups"]["dev"]
LOCKS = {
    "requirements.lock": RUNNING,
    "requirements-dev.lock": DEVELOPING,
    "deploy/build-requirements.lock": PROJECT["build-system"]["requires"],
}


def text_of(lock: str) -> str:
    return (ROOT / lock).read_text(encoding="utf-8")


def pins(lock: str) -> dict[str, str]:
    """Return what stands after the name of each package."""
    entries = re.split(r"^(?=[a-z])", text_of(lock), flags=re.MULTILINE)
    pairs = (entry.partition("==") for entry in entries if "==" in entry)
    return {name: rest for name, _, rest in pairs}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_package_asked_for(lock):
    asked = {re.split(r"[\[<>=~! ]", line)[0].lower() for line in LOCKS[lock]}
    assert asked <= pins(lock).keys()


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_hashes_of_every_package_and_no_address(lock):
    assert all("--hash=sha256:" in rest for rest in pins(lock).values())
    assert not re.search(r"://|^-", text_of(lock), re.MULTILINE)


def test_tests_run_with_the_versions_that_are_shipped():
    shipped, tested = pins("requirements.lock"), pins("requirements-dev.lock")
    assert shipped.items() <= tested.items()
