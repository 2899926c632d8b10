# Everything below needs python3 (3.11 or newer, with venv) and access to PyPI, and nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH := .bench/venv
ACCURACY := .bench/accuracy
FLOORS := .venv-floors
PYTHONS ?= python3.11 python3.12 python3.13 $(wildcard $(HOME)/.pyenv/versions/3.1[1-3].*/bin/python)
CASES ?= 20000
SEED ?= 1
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# What was installed last; a second run finds them newer than pyproject.toml and does nothing.
RUNTIME := $(VENV)/runtime.stamp
DEVELOPMENT := $(VENV)/development.stamp

.DEFAULT_GOAL := help
.PHONY: help run test lint bench accuracy fuzz coverage mutation test-pythons test-floors docs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: $(RUNTIME) ## install losscli into .venv and print the loss of a real model's saved predictions
	$(BIN)/losscli nll sample_data/digits_log_probs.npy sample_data/digits_labels.npy

test: lint ## install everything into .venv, lint, and run all tests
	$(BIN)/python -m pytest -q -n 2 --ignore=tests/repo

lint: $(DEVELOPMENT) ## check style, types, the direction of imports, and that the README tells the truth
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n 2 tests/repo

bench: $(BENCH)/losscli.stamp ## measure against the frameworks; ROWS="ctc start-up" picks
	$(BENCH)/bin/python tests/benchmarks $(ROWS)

accuracy: $(DEVELOPMENT) $(ACCURACY)/peers.stamp ## measure the worst error of each loss at extreme points, beside the frameworks
	$(BIN)/python tests/accuracy --peers $(ACCURACY)/bin/python

fuzz: $(DEVELOPMENT) ## throw damaged files and random options at losscli; CASES=100000 SEED=2 picks
	$(BIN)/python -m tests.fuzz --cases $(CASES) --seed $(SEED)

coverage: $(VENV)/trust.stamp ## run the tests of the core, and fail unless they take every branch of it
	$(BIN)/python -m pytest -q -n 2 tests/losses tests/laws tests/engine tests/goldens tests/cli --cov

mutation: $(VENV)/trust.stamp ## change the core's code in small ways, and list what no test notices; MODULES="losscli.numerics" picks
	$(BIN)/python -m tests.mutation $(MODULES)

# A Python that is named by two paths is tried once.
test-pythons: ## run the tests on each of Python 3.11, 3.12 and 3.13 that is present; PYTHONS="..." picks
	@tried=; for python in $(PYTHONS); do \
		version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue; \
		case " $$tried " in *" $$version "*) continue;; esac; tried="$$tried $$version"; \
		echo "Python $$version"; venv=.venv-$$version; \
		$$python -m venv $$venv && \
		$$venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[test]' && \
		$$venv/bin/python -m pytest -q -n 2 --ignore=tests/repo || exit 1; \
	done; echo "tried:$$tried"

test-floors: $(FLOORS)/floors.stamp ## run most of the tests with the oldest dependencies that are allowed
	$(FLOORS)/bin/python -m pytest -q -n 2 tests/cli tests/data tests/engine tests/laws tests/losses tests/report

docs: $(DEVELOPMENT) ## write down anew what commands print, in the README and as snapshots, and the typed signatures
	$(BIN)/python tests/repo/make_stub.py
	$(BIN)/python tests/repo/make_snapshots.py
	$(BIN)/python tests/repo/make_readme.py

clean: ## remove .venv and everything that was built or cached
	rm -rf $(VENV) .venv-* .coverage build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis .benchmarks
	find losscli tests sample_data -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/pip:
	$(PYTHON) -m venv $(VENV)

$(RUNTIME): pyproject.toml | $(BIN)/pip
	$(INSTALL) --editable .
	@touch $@

$(DEVELOPMENT): pyproject.toml | $(BIN)/pip
	$(INSTALL) --editable '.[test,lint]'
	@touch $(RUNTIME) $@

$(VENV)/trust.stamp: $(DEVELOPMENT)
	$(INSTALL) --editable '.[trust]'
	@touch $@

# The peers of the benchmarks, in an environment of their own: torch first and alone, so that nothing decides its build.
$(BENCH)/peers.stamp:
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet torch==2.13.0
	$(BENCH)/bin/python -m pip install --quiet jax optax scikit-learn
	@touch $@

# Installed as a user has it, not editable, which would cost time at start-up.
$(BENCH)/losscli.stamp: $(BENCH)/peers.stamp pyproject.toml $(shell find losscli -name '*.py' -o -name '*.json')
	rm -rf build
	$(BENCH)/bin/python -m pip install --quiet --force-reinstall --no-deps .
	$(BENCH)/bin/python -m pip install --quiet .
	@touch $@

$(ACCURACY)/peers.stamp:
	$(PYTHON) -m venv $(ACCURACY)
	$(ACCURACY)/bin/python -m pip install --quiet torch==2.13.0
	$(ACCURACY)/bin/python -m pip install --quiet jax optax scikit-learn tensorflow-cpu
	@touch $@

# The floors of pyproject.toml; what its tests need besides is the newest.
$(FLOORS)/floors.stamp: pyproject.toml
	$(PYTHON) -m venv $(FLOORS)
	$(FLOORS)/bin/python -m pip install --quiet 'numpy==2.0.*' 'pyarrow==17.*' 'rich==13.8.*' 'typer==0.26.*' --editable '.[test]'
	@touch $@
