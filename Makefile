# What there is to do with this checkout. Needs make and Python 3.11 or newer; everything else goes into .venv.

PYTHON ?= $(firstword $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python; done) python3)
BIN := .venv/bin
CHECKED := didkit_py issuer verifier wallet $(wildcard demo bench) tools tests

.DEFAULT_GOAL := help
.PHONY: help install install-run demo up test crowds defects mutation mutants check fix docs bench wheel wheel-check lock clean

help: ## list these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | while IFS='	' read -r name text; do \
		printf '  make %-12s %s\n' "$$name" "$$text"; done

install: ## install everything, for running, testing and checking, into .venv
	@$(PYTHON) tools/install.py dev

install-run: ## install only what the programs need
	@$(PYTHON) tools/install.py run

demo: install-run ## the whole story once, between separate processes; fails if a step did not hold
	@$(BIN)/python -m demo

up: install-run ## the same cast, left running on this machine until Ctrl-C
	@$(BIN)/python -m demo up

test: install ## run every test; what this machine lacks is skipped and named
	@$(BIN)/pytest -q --numprocesses 2 --dist loadfile --no-loadscope-reorder

crowds: install ## the tests of many at once, in crowds of 10,000 where `make test` sends 500
	@CROWD=10000 $(BIN)/pytest -q --numprocesses 2 --dist loadfile --no-loadscope-reorder tests/concurrent

defects: install ## make each known fault, and see the test that claims it fail
	@$(BIN)/python -m tests.defects.run

mutation: install ## change the judging code in 400 places, one at a time, and count what the tests notice; COUNT=… SEED=… PACKAGE=…
	@$(BIN)/python -m tests.mutation.run $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED)) $(if $(PACKAGE),--package $(PACKAGE))

mutants: install ## change genuine tokens in one place, 50,000 times, and see each refused; COUNT=… SEED=…
	@$(BIN)/python -m tests.mutants $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED))

check: install ## formatting, lint, types and the direction of imports
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy $(CHECKED)
	@$(BIN)/lint-imports --no-logo

fix: install ## repair what can be repaired without thinking
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

docs: install ## write what comes from the code into specs/: errors, metrics, settings, OpenAPI
	@$(BIN)/python -m tools.documents
	@$(BIN)/python -m tools.messages

bench: install ## how long each step, write and request takes, as ratios
	@$(BIN)/python -m bench

wheel: install-run ## build the wheel into dist/
	@$(BIN)/python -m tools.check_wheel build

wheel-check: install-run ## build the wheel, install it into a new environment, and run its programs in an empty folder
	@$(BIN)/python -m tools.check_wheel

lock: install ## choose the newest versions again and write requirements/*.txt
	@for name in build run dev; do $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--only-binary :all: --no-header --no-annotate --no-emit-index-url requirements/$$name.in -o requirements/$$name.txt; done

clean: ## remove .venv and what the tools cache; the demo's data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
