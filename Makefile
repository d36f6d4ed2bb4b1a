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

# Each file of tests is run whole by one worker, so that its servers start once, and in the order of
# the folders: reordered, the longest file of few tests would come last and alone.
PYTEST := $(BIN)/pytest --dist loadfile --no-loadscope-reorder
CORE := tests/core service/core

# Debian keeps servers where only root looks for programs.
export PATH := $(PATH):/usr/sbin:/sbin

.PHONY: demo test check static lock clean
.DELETE_ON_ERROR:

demo: $(VENV)/demo.stamp
	$(BIN)/hullwatch demo

# Counting lines makes a run take 1.4 times as long, so only the core's are, by its own short tests.
# Where tests wait for servers, three at a time keep two processors busy. Few of the long ones need
# a server, so each is run where there is time.
test: $(VENV)/dev.stamp static
	.ci/servers
	$(PYTEST) -n 2 -m "not slow" $(CORE) --cov --cov-fail-under=98 --hypothesis-profile=ci
	$(PYTEST) -n 3 -m "not slow" $(CORE:%=--ignore=%) --hypothesis-profile=ci
	$(PYTEST) -n 2 -m slow --dist worksteal --hypothesis-profile=ci

check: $(VENV)/dev.stamp static
	$(PYTEST) -n 2 -m "not slow and not flown" tests/core tests/settings tests/test_*.py service simulators

static: $(VENV)/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

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
