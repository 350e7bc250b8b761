# Everything from nothing: each target sets up what it needs in a virtual environment of this folder.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTENSION_SOURCES := $(wildcard market/*/*.pyx market/*/*.pxd)
ARGS ?=

.PHONY: demo test check lint types imports contracts contracts-check wheel-test test-long bench bench-dispatch book-twin
.PHONY: clients power-loss fuzz pictures clean

demo: $(VENV)/.installed
	$(BIN)/resilia demo $(ARGS)

test: $(VENV)/.installed-dev
	$(BIN)/pytest -n auto $(ARGS)

check: lint types imports contracts-check

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

imports: $(VENV)/.installed-dev
	$(BIN)/lint-imports

contracts: $(VENV)/.installed-dev
	$(BIN)/python scripts/build_contracts.py

contracts-check: $(VENV)/.installed-dev
	$(BIN)/python scripts/build_contracts.py --check

wheel-test: $(VENV)/.installed-dev
	$(BIN)/python -m scripts.check_wheel

test-long: $(VENV)/.installed-dev
	HYPOTHESIS_PROFILE=long $(BIN)/pytest -n auto --run-long $(ARGS)

bench-dispatch: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.dispatch $(ARGS)

bench: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.book --json
	$(BIN)/python -m benchmarks.orders --json
	$(BIN)/python -m benchmarks.clearing --json
	$(BIN)/python -m benchmarks.ledger --json
	$(BIN)/python -m benchmarks.meters --json
	$(BIN)/python -m benchmarks.settlement --json
	$(BIN)/python -m benchmarks.page --json
	$(BIN)/python -m benchmarks.interconnect --json

book-twin: $(VENV)/.installed-dev
	$(BIN)/python -m tests.support.book_twin 10000000

clients:
	npm ci --prefix tests/clients --no-audit --no-fund

power-loss: $(VENV)/.installed-dev
	POWER_LOSS_IMAGES=1000000 $(BIN)/pytest tests/power_loss

fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m tests.fuzz.meter_decoders -max_total_time=600

pictures: $(VENV)/.installed-dev
	$(BIN)/python -m tests.support.pictures

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip

$(VENV)/.installed: $(BIN)/python pyproject.toml setup.py $(EXTENSION_SOURCES)
	@echo "Setting up: dependencies and the Cython order book (a minute or two, once)"
	$(BIN)/pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-dev: $(BIN)/python pyproject.toml setup.py $(EXTENSION_SOURCES)
	@echo "Setting up: dependencies, tools and the Cython order book (a minute or two, once)"
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.installed

clean:
	rm -rf build dist $(VENV) market/*/*.so *.egg-info
