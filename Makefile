# Everything from nothing: each target sets up what it needs in a virtual environment of this folder.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTENSION_SOURCES := $(wildcard market/*/*.pyx market/*/*.pxd node/*/*.pyx node/*/*.pxd)
PROVERS := .venv-halmos
ANALYSERS := .venv-analysers
FORGE_PATH = $(abspath contracts/node_modules/@foundry-rs/forge-linux-amd64/bin):$(abspath contracts/tools)
ARGS ?=

.PHONY: demo test check lint types imports contracts contracts-check wheel-test test-long bench bench-dispatch book-twin
.PHONY: clients eth-tester citylearn sanitize hostile module-tests namespaces power-loss fuzz pictures clean
.PHONY: book-mutants forge forge-long branches prove halmos slither mutants replay

demo: $(VENV)/.installed
	$(BIN)/resilia demo $(ARGS)

test: $(VENV)/.installed-dev
	$(BIN)/pytest -n auto --dist loadfile $(ARGS)

check: lint types imports contracts-check

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

imports: $(VENV)/.installed-dev
	$(BIN)/lint-imports

contracts: $(VENV)/.installed-dev contracts/node_modules
	$(BIN)/python scripts/build_contracts.py

contracts-check: $(VENV)/.installed-dev contracts/node_modules
	$(BIN)/python scripts/build_contracts.py --check

wheel-test: $(VENV)/.installed-dev
	$(BIN)/python -m scripts.check_wheel

test-long: $(VENV)/.installed-dev
	HYPOTHESIS_PROFILE=long $(BIN)/pytest -n auto --dist loadfile --run-long $(ARGS)

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

book-mutants: $(VENV)/.installed-dev
	$(BIN)/python -m tests.support.book_mutants $(ARGS)

sanitize: $(VENV)/.installed-dev
	$(BIN)/pytest --run-long tests/sanitize $(ARGS)

# The published protocol in CityLearn's own package, which pins other versions than the node and imports torch unused.
citylearn: build/citylearn/.installed
	build/citylearn/bin/python -m benchmarks.dispatch.citylearn_package --keep build/citylearn/found.json

build/citylearn/.installed:
	$(PYTHON) -m venv build/citylearn
	build/citylearn/bin/pip install --quiet --no-deps citylearn==2.2b0
	build/citylearn/bin/pip install --quiet 'numpy<2' pandas pyyaml scikit-learn simplejson 'gymnasium<=0.28.1' highspy
	@touch $@

# What py-evm does as eth-tester drives it, for benchmarks.ledger; it pins other versions than the node.
eth-tester: build/eth-tester/.installed

build/eth-tester/.installed:
	$(PYTHON) -m venv build/eth-tester
	build/eth-tester/bin/pip install --quiet 'eth-tester[pyevm]==0.14.0b1' 'py-evm==0.12.1b1' 'safe-pysha3==1.0.7'
	@touch $@

clients:
	npm ci --prefix tests/clients --no-audit --no-fund

hostile: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.hostile --json $(ARGS)

module-tests: $(VENV)/.installed-dev
	$(BIN)/pytest --run-long -s tests/clients/test_web3py.py

namespaces: $(VENV)/.installed-dev
	$(BIN)/pytest tests/integration/test_zone_world.py --run-long -s

power-loss: $(VENV)/.installed-dev
	$(BIN)/python -m tests.power_loss.long_run $(ARGS)

fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m tests.fuzz.meter_decoders build/fuzz $(or $(ARGS),-max_total_time=600)

pictures: $(VENV)/.installed-dev
	$(BIN)/python -m tests.support.pictures

# What backs the contracts beyond their tests; docs/ASSURANCE.md says what each has shown.

forge: $(VENV)/.installed-dev contracts/node_modules
	$(BIN)/python scripts/forge_tests.py $(ARGS)

forge-long: $(VENV)/.installed-dev contracts/node_modules
	$(BIN)/python scripts/forge_tests.py --long

branches: $(VENV)/.installed-dev contracts/node_modules
	$(BIN)/python -m scripts.contract_branches $(ARGS)

prove: $(VENV)/.installed-dev contracts/node_modules $(ANALYSERS)/.installed
	$(BIN)/python scripts/prove_ledger.py --z3 $(ANALYSERS)/bin/z3 $(ARGS)

halmos: contracts/node_modules $(PROVERS)/.installed
	cd contracts && PATH="$(FORGE_PATH):$$PATH" FOUNDRY_PROFILE=proofs \
		$(abspath $(PROVERS))/bin/halmos --forge-build-out out/proofs --contract ChecksTest

slither: contracts/node_modules $(ANALYSERS)/.installed
	cd contracts && PATH="$(FORGE_PATH):$$PATH" FOUNDRY_PROFILE=sources \
		$(abspath $(ANALYSERS))/bin/slither . --config-file slither.json

mutants: $(VENV)/.installed-dev contracts/node_modules
	$(BIN)/python -m scripts.mutate_contracts $(ARGS)

replay: $(VENV)/.installed-dev contracts/node_modules
	REPLAY_ON_ANVIL=1 $(BIN)/pytest tests/contracts $(ARGS)

contracts/node_modules: contracts/package-lock.json
	npm ci --prefix contracts --no-audit --no-fund
	@touch $@

# Tools of their own licences, each in an environment of its own: nothing of them is part of the node.
$(PROVERS)/.installed:
	$(PYTHON) -m venv $(PROVERS)
	$(PROVERS)/bin/pip install --quiet 'halmos==0.3.3'
	@touch $@

$(ANALYSERS)/.installed:
	$(PYTHON) -m venv $(ANALYSERS)
	$(ANALYSERS)/bin/pip install --quiet 'slither-analyzer==0.11.6' 'z3-solver==5.4.1.0'
	@touch $@

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
	rm -rf build dist $(VENV) $(PROVERS) $(ANALYSERS) contracts/out contracts/cache market/*/*.so node/*/*.so *.egg-info
