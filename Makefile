# What a person can do here: `make help`. Every target sets up what it needs in .venv/ by itself.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# arguments for the demo: make demo DEMO="--taps 20 --exit --json"
DEMO ?=
# arguments for the proof: make prove SEEDS=2000, or make prove SEED=17 for one seed
SEEDS ?= $(if $(SEED),1,200)
# more arguments for the proof: make prove PROVE="--calm --set power_cuts=2", PROVE="--help" lists them
PROVE ?=
# arguments for chaos: make chaos MINUTES=3, SEED=7 repeats a schedule, CHAOS="--help" lists options
MINUTES ?= 3
CHAOS ?=
# events of the monkey, on each interpreter
EVENTS ?= 200000
# arguments for the tests: make test TESTS="tests/gateway -k audit"
TESTS ?=
# arguments for the handset's benchmark: make bench-device BENCH="--only tap"
BENCH ?=
# arguments for the coverage: make coverage-device COVERAGE=--json
COVERAGE ?=
# two more than there are cores: many tests wait for processes and clocks
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(2 + (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()))')
DEVICE_STUBS := micropython-esp32-stubs==1.29.0.post1 micropython-stdlib-stubs==1.29.0.post2

# thousands of processes start in tests and in the demo: what one has compiled the next one reads
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo simulate fleet prove prove-pairs chaos monkey screens page-picture test test-long lint bench bench-device coverage-device clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## handsets, broker, gateway and ledger on this machine; DEMO="--help" lists options
	@$(BIN)/pointwire demo $(DEMO)

simulate: $(VENV)/.demo ## an hour of a merchant street in seconds, in virtual time
	@$(BIN)/pointwire simulate --terminals 20 --minutes 60 --seed 1

fleet: $(VENV)/.demo ## ten thousand terminals through a day, 30 taps each; within an hour and 8 GiB
	@$(BIN)/pointwire simulate --terminals 10000 --taps 30 --hours 24 --seed 1

prove: $(VENV)/.dev ## every tap posts once, under faults: SEEDS=2000 runs so many (2000: 5 to 7 minutes on two free cores), SEED=17 replays one; PROVE="--options" lists all that can happen
	@$(BIN)/pointwire prove --seeds $(SEEDS) --seed $(or $(SEED),0) $(PROVE)

prove-pairs: $(VENV)/.dev ## one tap with every two faults at all their steps; takes about two hours
	@$(BIN)/pointwire prove-every --pairs $(PROVE)

chaos: $(VENV)/.dev ## real processes, kill -9 and bad links, then the books: MINUTES=3 of it and a minute or more on top to start, drain and judge; SEED=7 repeats a schedule
	@$(BIN)/pointwire chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(CHAOS)

monkey: $(VENV)/.dev ## random keys, cards, links and power cuts at the handset, on both interpreters: EVENTS=5000 SEED=17 replays a round
	@$(BIN)/python -m tests.firmware.monkey $(EVENTS) $(or $(SEED),1)
	@MICROPYPATH=.:.frozen $(BIN)/micropython -X heapsize=64M -m tests.firmware.monkey $(EVENTS) $(or $(SEED),1)

screens: $(VENV)/.dev ## every screen of the handset as one picture, firmware/screens.png; needs apt-get install unifont
	@$(BIN)/pointwire device screens

page-picture: $(VENV)/.dev ## the demo's page as the README shows it, tools/page.png; needs apt-get install unifont chromium-headless-shell
	@$(BIN)/python -m tests.tools.page_picture tools/page.png

test: $(VENV)/.dev ## the whole test suite; TESTS="tests/protocol -k cbor" runs a part
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(TESTS)

test-long: $(VENV)/.dev ## long lives of members against a model of every point, 120,000 steps, and 10,000 tamperings on each of SQLite and PostgreSQL; about an hour
	@POINTWIRE_STORIES=200 POINTWIRE_STEPS=50 POINTWIRE_WALKS=20 POINTWIRE_WALK_STEPS=1000 POINTWIRE_TAMPERINGS=10000 $(BIN)/python -m pytest -n $(WORKERS) -o timeout=1800 tests/gateway/test_points_story.py tests/gateway/test_tampering.py

lint: $(VENV)/.dev typings/.done ## ruff, and pyright on every room (MicroPython stubs on firmware and protocol)
	@$(BIN)/ruff check .
	@$(BIN)/pyright --pythonpath $(BIN)/python -p pyrightconfig.json
	@$(BIN)/pyright --pythonpath $(BIN)/python -p pyrightconfig.device.json

bench: $(VENV)/.dev ## frames, outbox, postings, expiry and taps beside it, each beside its yardstick in the same run; heap of a handset
	@$(BIN)/python -m tools.bench_frames
	@$(BIN)/python -m tools.bench_outbox
	@$(BIN)/python -m tools.bench_posting
	@$(BIN)/python -m tools.bench_expiry
	@$(BIN)/python -m tools.bench_beside
	@$(BIN)/python -m tests.firmware.heap_needed

bench-device: $(VENV)/.dev ## what a handset costs beside its limits: heap of each flow, a tap to its frame on flash, bytes on the air for a sale and a month; 10 minutes or more, as root
	@$(BIN)/python -m tests.firmware.bench_device $(BENCH)

coverage-device: $(VENV)/.dev ## lines of the handset program that its tests ran on MicroPython, by an instrumented copy; fails below 90 %
	@$(BIN)/python -m tools.device_coverage $(COVERAGE)

clean: ## remove everything that was made here: .venv, var, typings, caches
	rm -rf $(VENV) var typings build dist *.egg-info .hypothesis .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "make: $(PYTHON) is older than 3.11. Install Python 3.11 or newer, or name one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "make: no virtual environment could be made. On Debian: apt-get install python3-venv"; rm -rf $(VENV); exit 1; }
	@touch $@

# The step "demo" installs what runs the product; "dev" adds what tests and checks it.
$(VENV)/.demo: $(VENV)/.made pyproject.toml constraints.txt
	@echo "setting up $(VENV) (once) ..." >&2
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[demo]' >&2
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	@echo "adding test and lint tools (once) ..." >&2
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev]' >&2
	@touch $@

typings/.done: $(VENV)/.dev
	@rm -rf typings
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -t typings $(DEVICE_STUBS)
	@touch $@
