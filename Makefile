# Yoake. `make demo` shows it, `make test` proves it; each sets up what it needs.
# Needs: make, git, Python 3.11 or later. Everything else comes from the package index, by hash.
.DEFAULT_GOAL := help
.PHONY: help demo test faults kit-faults garbage simulate lint types check lock schemas release-fixture clean tools bench bench-rivals

VENV ?= .venv
# Two more than there are cores: much of the suite waits. The files that wait longest come first.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 2)
BIN := $(VENV)/bin
# What was compiled is kept: some images say that it is not, and then each of the many processes here compiles it all again.
unexport PYTHONDONTWRITEBYTECODE
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST)

demo: $(VENV)/.run ## Two synthetic fiscal years in, the ward's published tables out
	@$(BIN)/yoake demo $(ARGS)

test: $(VENV)/.dev ## The whole suite, with real NATS, SQLite and PostgreSQL
	@$(MAKE) --no-print-directory lint
	@$(BIN)/mypy --no-error-summary & types=$$!; \
		$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS); tests=$$?; \
		wait $$types || { echo "The types do not agree; see above." >&2; exit 1; }; exit $$tests

faults: $(VENV)/.dev ## 300 kills on SQLite and on PostgreSQL, and every other fault, for as long as it says
	@YOAKE_FAULT_KILLS=$${YOAKE_FAULT_KILLS:-300} YOAKE_FAULT_GONE=$${YOAKE_FAULT_GONE:-60} \
		$(BIN)/python -m pytest -s -v --timeout 0 tests/faults $(ARGS)

kit-faults: $(VENV)/.dev ## The adapter kit killed a thousand times while it puts and sends
	@YOAKE_KIT_KILLS=$${YOAKE_KIT_KILLS:-1000} $(BIN)/python -m pytest -s -v --timeout 0 tests/faults/test_kit_killed.py $(ARGS)

lint: $(VENV)/.dev ## Style and imports
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/lint-imports --no-cache >$(VENV)/lint-imports.log 2>&1 || { cat $(VENV)/lint-imports.log; exit 1; }

types: $(VENV)/.dev ## mypy, strict
	@$(BIN)/mypy --no-error-summary

garbage: $(VENV)/.dev ## 100,000 broken and odd messages among good ones; a table by kind
	@$(BIN)/python -m tests.garbage $(ARGS)

simulate: $(VENV)/.dev ## 10,000 nights, each from a seed: the real services on a clock, a bus and disks that fail
	@$(BIN)/python -m tests.simulation $(ARGS)

bench: $(VENV)/.dev ## Every figure of the README, as a median over rounds (about 15 minutes)
	@$(BIN)/python -m tests.bench $(ARGS)

bench-rivals: $(VENV)/.dev ## Durable accepts beside other event stores (needs Node and npm for two of them)
	@command -v npm >/dev/null 2>&1 || echo "npm is not on the PATH: what is not installed yet is left out." >&2
	@! command -v npm >/dev/null 2>&1 || npm ci --ignore-scripts --no-audit --no-fund --silent --prefix tests/bench/npm \
		|| echo "npm could not install tests/bench/npm/package-lock.json; what is missing is left out." >&2
	@$(BIN)/python -m tests.bench.rivals $(ARGS)

schemas: $(VENV)/.dev ## Write events/schema/
	@$(BIN)/python -m deploy.contract

release-fixture: $(VENV)/.dev ## Keep this release's data in tests/released/, on both databases; once, as it is released
	@$(BIN)/python -m tests.release_fixture

tools: $(VENV)/.dev ## Chromium, strace, Node and npm, for the tests that need them (Debian; needs root)
	apt-get update -qq
	apt-get install -y -qq chromium fonts-noto-cjk strace
	command -v npm >/dev/null 2>&1 || apt-get install -y -qq nodejs npm
	npm ci --ignore-scripts --no-audit --no-fund --silent --prefix tests/bench/npm

lock: $(VENV)/.dev ## Pin every dependency again, with hashes
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --extra dev pyproject.toml -c requirements.lock -o requirements-dev.lock

clean: ## Remove the virtual environment and the demonstration's data
	rm -rf $(VENV) .yoake

# Debian splits venv's pip into a package of its own; where it is missing, the system's pip or uv serves.
$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed, and none was found on the PATH." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); $(PYTHON) -m venv --without-pip $(VENV); }

INSTALL = set -e; if $(BIN)/python -m pip --version >/dev/null 2>&1; then pip="$(BIN)/python -m pip"; \
	elif $(PYTHON) -m pip --version >/dev/null 2>&1; then pip="$(PYTHON) -m pip --python $(BIN)/python"; \
	elif command -v uv >/dev/null 2>&1; then pip="env VIRTUAL_ENV=$(abspath $(VENV)) uv pip"; \
	else echo "$(PYTHON) has no pip. On Debian or Ubuntu: apt install python3-venv, then again." >&2; exit 1; fi; \
	case "$$pip" in *uv*) quiet=--quiet;; *) quiet="--quiet --disable-pip-version-check --no-input";; esac; install() { $$pip install $$quiet "$$@"; }

$(VENV)/.run: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what Yoake needs into $(VENV) (once) ..."
	@$(INSTALL); install --require-hashes -r requirements.lock; install --no-deps --no-build-isolation -e .
	@touch $@

# Its lock has everything that the other has, as it is there: one call instead of two, and nothing left to resolve.
$(VENV)/.dev: requirements-dev.lock requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing what Yoake and its tests need into $(VENV) (once) ..."
	@$(INSTALL); install --no-deps --require-hashes -r requirements-dev.lock; install --no-deps --no-build-isolation -e .
	@touch $(VENV)/.run $@
