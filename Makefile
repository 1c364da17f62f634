# Two commands matter: `make demo` (a campaign dials on this machine) and `make test` (everything is proven).

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

CPS ?= 50
CALLS ?= 2000
CONTACTS ?= 20000
RUNS ?= 50
SEED ?= 1
AGENTS ?= 0
# most tests wait for something: three at a time keep two processors busy
TESTERS ?= 3
AMD_SIZE ?= quick
SETTINGS ?= table
SEEDS ?= 1
HOURS ?= 4

.PHONY: demo test test-long lint soak bench bench-pacing bench-amd load clean

demo: $(INSTALLED)
	@$(BIN)/trunkline demo

test: $(INSTALLED) lint
	$(BIN)/pytest -m "not soak" -n $(TESTERS) --dist loadfile tests

# what takes too long for every change: longer stories of the models, whole campaigns on a real FreeSWITCH
test-long: $(INSTALLED)
	$(BIN)/pytest -m soak tests

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# campaigns on the virtual switch while everything is killed and cut in turn; last line is JSON
soak: $(INSTALLED)
	@$(BIN)/python -m tests.chaos --runs $(RUNS) --contacts $(CONTACTS) --seed $(SEED) --agents $(AGENTS)

# the controller alone on the virtual switch, with real Redis and database; last line is JSON
bench: $(INSTALLED)
	@$(BIN)/python -m tests.load.bench

# dialling methods beside each other on simulated shifts: SETTINGS are table (minutes), facts, changing, unseen (each about half
# an hour a seed); last line is JSON
bench-pacing: $(INSTALLED)
	@$(BIN)/python -m tests.load.pacing --settings $(SETTINGS) --seeds $(SEEDS) --hours $(HOURS)

# a real FreeSWITCH with SIPp as carrier and bot; last line is JSON
load: $(INSTALLED)
	@$(BIN)/python -m tests.load.load --cps $(CPS) --calls $(CALLS)

# the detector beside the well-known rule on voices no model was trained on (needs Debian packages, which it names); last line is JSON
bench-amd: $(INSTALLED)
	@$(BIN)/python -m tests.amd.bench --size $(AMD_SIZE)

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist var
