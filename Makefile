# Needs Python 3.11 or newer and make; everything else goes into .venv.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)

# uv is quick but does not read pip's configuration: behind a mirror set up for pip alone, pip does the work.
install = .venv/bin/uv pip install --quiet --system-certs --python .venv/bin/python $(1) || .venv/bin/python -m pip install --quiet $(1)

# Each runs its own PostgreSQL and trains its own classifier; a file's tests stay together.
WORKERS ?= 2

.PHONY: help setup demo run migrate web learn test test-web test-browser test-chaos bench coverage check lint types imports format lock clean
.DELETE_ON_ERROR:

help: ## List these targets.
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | awk -F'|' '{printf "make %-13s %s\n", $$1, $$2}'

setup: .venv/.dev ## Make .venv with everything that development needs.

demo: .venv/.runtime ## Start the product with sample data; no key needed.
	.venv/bin/frontdesk demo

run: .venv/.runtime ## Start API and worker with the settings of the environment and .env.
	.venv/bin/frontdesk serve

migrate: .venv/.runtime ## Bring the database to the newest schema.
	.venv/bin/frontdesk migrate

web: .venv/.runtime ## Build the console; demo and run do it by themselves, meanwhile.
	.venv/bin/frontdesk console build

learn: .venv/.runtime ## Learn the shipped intents anew, after a change of them or of the classifier.
	.venv/bin/python -m integrations.classifiers.local.learnt.make orchestration/presets/store.yaml

test: .venv/.dev ## Run the tests that need no browser, WORKERS at once.
	.venv/bin/pytest --numprocesses $(WORKERS) --dist loadfile

test-web: .venv/.runtime ## Check the types of the console and run its tests.
	.venv/bin/python bot/console/building.py tests
	.venv/bin/python bot/console/building.py npm run check
	.venv/bin/python bot/console/building.py npm test

test-browser: .venv/.dev web ## Run the tests that need Chromium.
	.venv/bin/pytest -m browser --numprocesses $(WORKERS) --dist loadfile

test-chaos: .venv/.dev ## Run the long tests that kill processes.
	.venv/bin/pytest -m chaos --timeout 1800

bench: .venv/.dev ## Measure what the README claims.
	.venv/bin/pytest -m bench --timeout 0 -s benchmarks

coverage: .venv/.dev ## Run the tests and show the branches they miss.
	.venv/bin/pytest --cov --cov-report term-missing

check: ## Run everything that CI runs.
	$(MAKE) --jobs 2 --output-sync lint types imports test-web
	$(MAKE) test-browser test

lint: .venv/.dev ## Check style and format.
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: .venv/.dev ## Check types.
	.venv/bin/mypy

imports: .venv/.dev ## Check which package may import which.
	.venv/bin/lint-imports

format: .venv/.dev ## Rewrite the code in the house format.
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

lock: .venv/.installer ## Rewrite the lock files; newest versions with UPGRADE=--upgrade.
	$(compile) pyproject.toml --output-file requirements.lock
	$(compile) pyproject.toml --extra dev --constraints requirements.lock --output-file requirements-dev.lock
	$(compile) --group web --output-file requirements-web.lock

compile = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command 'make lock' $(UPGRADE)

clean: ## Remove .venv and all caches; data stays.
	rm -rf .venv web/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage build dist

.venv/.created:
	$(or $(PYTHON),$(error Python 3.11 or newer was not found; name one: make PYTHON=/path/to/python3)) -m venv .venv
	@touch $@

.venv/.installer: requirements-dev.lock | .venv/.created
	sed -n '/^uv==/,/# via/p' requirements-dev.lock > .venv/installer.lock
	.venv/bin/python -m pip install --quiet --require-hashes --requirement .venv/installer.lock
	@touch $@

.venv/.runtime: requirements.lock pyproject.toml .venv/.installer
	$(call install,--require-hashes --requirement requirements.lock)
	$(call install,--no-deps --editable .)
	@touch $@

.venv/.dev: requirements-dev.lock requirements.lock pyproject.toml .venv/.installer
	$(call install,--require-hashes --requirement requirements-dev.lock)
	$(call install,--no-deps --editable .)
	@touch .venv/.runtime $@
