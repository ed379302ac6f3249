# make demo | make test | make evaluate | make bench | make soak | make lint | make browser | make clean
SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
INSTALL := $(PIP) install --quiet --constraint constraints.txt
INPUTS := pyproject.toml constraints.txt hatch_build.py
# A CPU build: on Linux the registry's plain torch brings 3 GB of CUDA. See the README where none is found.
TORCH ?= torch==2.13.0+cpu
SERVE ?= 1
# What is measured: the benchmark, and UK-CAT where it lies beside the checkout.
COLLECTIONS ?= data/benchmark $(wildcard ../shared/collections/ukcat)
SPLIT ?= test
ARGS ?= --gate
BENCH ?=
RUN := OPENBLAS_NUM_THREADS=1 HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false PYTHONSAFEPATH=1

.PHONY: help demo test lint evaluate bench soak browser clean

help:
	@echo "make demo          the example network: import, this week's round, mails, pages (SERVE=0: without the pages)"
	@echo "make test          everything CI runs"
	@echo "make evaluate      how good the suggestions are, and whether they got worse (ARGS='--report var/report')"
	@echo "make bench         how fast it is, against the raw model in the same run (BENCH=--large adds 100,000 x 100,000)"
	@echo "make soak          the long version of the kill tests"
	@echo "make browser       installs Chromium for the browser tests (Debian, Ubuntu)"
	@echo "make clean         removes the environment and what the tools left"

demo: $(VENV)/.run
	$(RUN) $(BIN)/commonweal demo $(if $(filter 0,$(SERVE)),--no-serve)

test: lint
	$(RUN) $(BIN)/pytest -q -n auto --dist loadfile
	$(RUN) $(BIN)/commonweal evaluate $(COLLECTIONS) --split $(SPLIT) --gate

evaluate: $(VENV)/.dev
	@$(RUN) $(BIN)/commonweal evaluate $(COLLECTIONS) --split $(SPLIT) $(ARGS)

soak: $(VENV)/.dev
	$(RUN) COMMONWEAL_SOAK=100 $(BIN)/pytest -q tests/service/test_kills.py

bench: $(VENV)/.dev
	$(RUN) $(BIN)/python tests/bench.py $(BENCH)
	$(RUN) $(BIN)/python tests/bench_pages.py

lint: $(VENV)/.dev
	$(BIN)/ruff check matcher service evaluation tests
	$(BIN)/ruff format --check matcher service evaluation tests
	$(BIN)/mypy
	$(BIN)/lint-imports

browser: $(VENV)/.dev
	command -v chromium >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; }

$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

# torch alone and first: the big one, and the only one with a choice of builds
$(VENV)/.torch: $(VENV)/.venv constraints.txt
	@echo "Installing (some minutes and about 2 GB the first time) ..."
	@$(INSTALL) $(TORCH) || { \
	  echo; \
	  echo "No build of $(TORCH) was found. Either let pip look at PyTorch's own CPU index:"; \
	  echo "    PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make $(MAKECMDGOALS)"; \
	  echo "or, on macOS or where 3 GB of CUDA do not matter, take the plain one:"; \
	  echo "    make $(MAKECMDGOALS) TORCH=torch==2.13.0"; \
	  exit 1; }
	@touch $@

$(VENV)/.run: $(VENV)/.torch $(INPUTS)
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@$(INSTALL) --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
