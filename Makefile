# Everything a newcomer needs: `make demo` to see it, `make test` to check it.

VENV := .venv
PYTHON := $(VENV)/bin/python

# The maps' compiled code is kept with the environment, so that it is compiled once.
export NUMBA_CACHE_DIR := $(CURDIR)/$(VENV)/cache/numba

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint js bench clean

help: ## list the targets
	@echo "usage: make TARGET"
	@echo
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-8s %s\n", $$1, $$2 }'

setup: ## make .venv with the package, its extras and the tools; build the front end
	@.ci/setup.sh

demo: setup ## open notebooks/quickstart.ipynb in JupyterLab (CHECK=1: execute it here instead)
	@$(PYTHON) .ci/demo.py $(if $(CHECK),--check)

test: setup ## run every check (ONLY="lint js python notebooks browser" for some of them)
	@$(PYTHON) .ci/check.py $(ONLY)

lint: setup ## run ruff, mypy, tsc and prettier
	@$(PYTHON) .ci/check.py lint

js: setup ## build the front end and run its tests
	@$(PYTHON) .ci/check.py js

bench: setup ## run the benchmarks
	@set -e; for bench in tests/benchmarks/*.py; do echo "== $$bench"; $(PYTHON) "$$bench"; done

clean: ## remove what was built, but not .venv
	rm -rf artifacts build dist explorer/static/widget.js js/node_modules .mypy_cache .pytest_cache .ruff_cache
