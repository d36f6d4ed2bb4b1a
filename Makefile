# What a developer runs. `.ci/run` runs `make test` and nothing else.
#
#   make demo    the Zvezda leak of February 2024, simulated, found and alerted
#   make test    everything that has to pass
#   make check   what of it needs no servers and little time
#   make lock    new lock files, with the newest releases that pyproject.toml allows
#   make clean   away with all that the others made
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BUILD_LOCK := deploy/build-requirements.lock
PIP := $(BIN)/pip --disable-pip-version-check --quiet
# The locks are whole, so nothing is resolved: an extra of a package that has a newer release than
# the lock would be looked up anew, and refused for want of a hash.
INSTALL := $(PIP) install --no-deps --require-hashes --only-binary :all: -r $(BUILD_LOCK)
COMPILE := build/lock/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 \
	--fork-strategy fewest --no-build --generate-hashes --no-annotate \
	--custom-compile-command "make lock" --extra demo

# Two processors at once, each file of tests whole on one of them, so that its servers start once.
# In the order of the folders: reordered, the longest file of few tests would come last and alone.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

# Debian keeps servers where only root looks for programs.
export PATH := $(PATH):/usr/sbin:/sbin

.PHONY: demo test check static lock clean
.DELETE_ON_ERROR:

demo: $(VENV)/demo.stamp
	$(BIN)/hullwatch demo

# What each line does is shown by the short tests; counting lines makes a run take 1.8 times as long.
# Few of the long ones need a server, so each is run where there is time.
test: $(VENV)/dev.stamp static
	.ci/servers
	$(PYTEST) -m "not slow" --cov --cov-report=term --hypothesis-profile=ci
	$(BIN)/coverage report --include='service/core/*' --fail-under=98
	$(PYTEST) -m slow --dist worksteal --hypothesis-profile=ci

check: $(VENV)/dev.stamp static
	$(PYTEST) -m "not slow and not flown" tests/core tests/settings tests/test_*.py service simulators

static: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	for config in config/*.yaml; do $(BIN)/hullwatch check -c "$$config" || exit 1; done

# Every package comes as a wheel with a known hash; no compiler is needed.
$(VENV)/demo.stamp: requirements.lock $(BUILD_LOCK) pyproject.toml
	@echo "Installing the locked packages into $(VENV), once"
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/demo.stamp
	$(INSTALL) -r requirements-dev.lock
	touch $@

lock:
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip --disable-pip-version-check --quiet install uv
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) --group dev --constraint requirements.lock pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) build dist hullwatch.egg-info .coverage
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find service simulators tests -name __pycache__ -prune -exec rm -rf {} +
