# Every command of this project, on a machine with Python 3.11 or newer and make.
#
#   make run        set up, start the local stack, classify the sample documents
#   make stop       stop the local stack; no process and no data stay behind
#   make lint       check format, lint, spelling, types and imports
#   make test-unit  run the unit tests (about a minute)
#   make test       run the tests (less than 8 minutes on two cores)
#   make test-all   run every test at full size, with coverage
#   make bench      measure the pipeline on this machine
#   make help       list every target

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := .venv-tools
CHECKOV := .venv-checkov
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
CODE := records decoding evidence orchestrator model_service image_build training triptych testkit tests benchmarks tools

# Torch gets processes of its own: after use next to OpenVINO in one process, a later training has crashed.
TRAINING := tests/unit/training tests/integration/training
OTHERS := $(foreach folder,$(TRAINING),--ignore=$(folder))
JOBS ?= 2
PYTEST := $(BIN)/pytest --numprocesses=$(JOBS)
COVERAGE := --cov --cov-append --cov-report= --cov-fail-under=0

.PHONY: run stop test test-unit test-all test-tools browser lint format bench bench-service chaos load training clean help
.DEFAULT_GOAL := help

run: $(VENV)/run.stamp $(TOOLS)/stamp ## set up, start the local stack, classify the sample documents
	@$(BIN)/triptych up
	@$(BIN)/triptych put samples/documents --wait
	@cat tools/next_steps.txt

stop: ## stop the local stack; no process and no data stay behind
	@test ! -x $(BIN)/triptych || $(BIN)/triptych down

test-unit: $(VENV)/dev.stamp ## run the unit tests
	$(PYTEST) tests/unit/training
	$(PYTEST) tests/unit --ignore=tests/unit/training

test: test-tools ## run the tests, with slow ones left out and others at reduced size
	$(PYTEST) $(TRAINING)
	$(PYTEST) $(OTHERS)

test-all: test-tools ## run every test at full size, and measure coverage
	$(BIN)/coverage erase
	$(PYTEST) --full $(COVERAGE) $(TRAINING)
	$(PYTEST) --full $(COVERAGE) $(OTHERS)
	$(BIN)/coverage report

test-tools: $(VENV)/dev.stamp $(TOOLS)/stamp $(CHECKOV)/stamp browser

# For the console's tests. Where it cannot be installed, they are skipped and say so.
browser:
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
		command -v $$name >/dev/null && exit 0; \
	done; \
	if command -v apt-get >/dev/null && test "$$(id -u)" = 0; then \
		echo 'Installing Chromium …'; \
		apt-get -qq update && apt-get -qq install -y chromium >/dev/null && exit 0; \
	fi; \
	echo 'No Chromium: the tests of the console in a browser are skipped.'

lint: $(VENV)/dev.stamp ## check format, lint, spelling, types and imports
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/dev.stamp ## rewrite the code in the project's format
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

bench: $(VENV)/run.stamp $(TOOLS)/stamp ## measure the pipeline on this machine
	@$(BIN)/triptych up
	@$(BIN)/python -m benchmarks.pipeline
	@$(BIN)/python -m benchmarks.imports

chaos: $(VENV)/run.stamp $(TOOLS)/stamp ## break everything again and again, and count every upload (8 to 12 minutes)
	@$(BIN)/python -m benchmarks.chaos

load: $(VENV)/run.stamp $(TOOLS)/stamp ## the mission's pace, 10 and 100 times it, and with a version broken (about 6 minutes)
	@$(BIN)/python -m benchmarks.load

bench-service: $(VENV)/bench.stamp ## measure the model service beside its peers
	@$(BIN)/python -W ignore -m benchmarks.service $(ARGS)

training: $(VENV)/training.stamp ## add what `triptych train` needs (torch)

clean: stop ## remove what the targets above made
	rm -rf $(VENV) $(TOOLS) $(CHECKOV) .aws-sam .triptych

# What `make run` needs: no torch, no test tools.
$(VENV)/run.stamp: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Triptych needs Python 3.11 or newer: make PYTHON=python3.12 …'; exit 1; }
	@echo 'Setting up $(VENV) …'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --editable .
	@touch $@

# Training on top of it, and tests on top of that.
$(VENV)/training.stamp: $(VENV)/run.stamp
	@echo 'Adding what training needs to $(VENV) …'
	@$(PIP) --editable '.[training]'
	@touch $@

$(VENV)/dev.stamp: $(VENV)/training.stamp
	@echo 'Adding what tests need to $(VENV) …'
	@$(PIP) --editable '.[dev,training]'
	@touch $@

# The peers of the model service, and the chart.
$(VENV)/bench.stamp: $(VENV)/run.stamp
	@echo 'Adding what the benchmark needs to $(VENV) …'
	@$(PIP) --editable '.[bench]'
	@touch $@

# The emulator and the SAM CLI pin what they need so tightly that they live apart.
$(TOOLS)/stamp: tools/requirements.txt
	@echo 'Setting up $(TOOLS) …'
	@test -x $(TOOLS)/bin/python || $(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip --disable-pip-version-check install --quiet --requirement tools/requirements.txt
	@touch $@

# The linter of what there would be in an account: it pins so much that it lives apart even from these.
$(CHECKOV)/stamp: tools/checkov.txt
	@echo 'Setting up $(CHECKOV) …'
	@test -x $(CHECKOV)/bin/python || $(PYTHON) -m venv $(CHECKOV)
	@$(CHECKOV)/bin/python -m pip --disable-pip-version-check install --quiet --requirement tools/checkov.txt
	@touch $@

help:
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'
