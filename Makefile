# `make help` says what there is. Everything happens in .venv of this folder.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
ARTICLES ?= 0
# Else every process compiles the whole program anew, and pytest's the tests: seconds for each.
unexport PYTHONDONTWRITEBYTECODE
RUN_PIP = $(BIN)/python -m pip --disable-pip-version-check --quiet

# Do the migrations in the tree make the tables that the models describe?
MIGRATIONS = STANDFIRST_HOME=$(VENV) DJANGO_SETTINGS_MODULE=standfirst.project.settings \
	$(BIN)/django-admin makemigrations --check --dry-run --verbosity 1

.PHONY: help demo test quick check format lock bench-read bench-credits bench-archive bench-search bench-subscriptions bench-mail clean
.DEFAULT_GOAL := help

help:
	@echo "make demo     a whole sample magazine on this machine (PORT=8000 ARTICLES=0)"
	@echo "make test     everything: lint, types, imports, tests on SQLite and PostgreSQL, browser"
	@echo "make quick    the tests that take seconds: no server, no browser, no attack"
	@echo "make check    lint, types and imports only"
	@echo "make bench-read   requests a second for every kind of reader, beside nginx and Django alone"
	@echo "make bench-credits   choices a second on SQLite and PostgreSQL, beside one durable insert"
	@echo "make bench-archive   every page and act of the newsroom with 500 and 50,000 articles"
	@echo "make bench-subscriptions   webhooks a second on SQLite and PostgreSQL; comparing 10,000 subscriptions"
	@echo "make bench-mail   letters a second over SMTP, beside a client that only streams, Django's and Postfix"
	@echo "make bench-search   the library: how quick with 50,000 articles, and does it find what answers"
	@echo "make format   put imports and layout in order"
	@echo "make lock     resolve the requirements anew, with hashes"
	@echo "make clean    remove .venv, the demo's data and what tools left behind"

demo: $(VENV)/.demo
	@exec $(BIN)/python -m standfirst demo --port $(PORT) --articles $(ARTICLES)

test: $(VENV)/.dev check
	@sh tools/test.sh

quick: $(VENV)/.dev
	@$(BIN)/pytest -q -n 2 --dist worksteal -m "not browser and not server and not attack" tests

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy src/standfirst
	$(BIN)/lint-imports --no-cache
	@$(MIGRATIONS)

bench-read: $(VENV)/.dev
	@$(BIN)/python -m bench.read

bench-credits: $(VENV)/.dev
	@$(BIN)/python -m bench.credits

bench-archive: $(VENV)/.dev
	@$(BIN)/python -m bench.archive

bench-search: $(VENV)/.dev
	@$(BIN)/python -m bench.search

bench-subscriptions: $(VENV)/.dev
	@$(BIN)/python -m bench.subscriptions

bench-mail: $(VENV)/.dev
	@$(BIN)/python -m bench.mail

format: $(VENV)/.dev
	$(BIN)/ruff check --select I --fix .
	$(BIN)/ruff format src tests tools

# The comments of a lock would name the command's place and the registry's, so there are none.
LOCK = $(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras \
	--no-header --no-annotate --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	--no-emit-options --all-build-deps
lock: $(VENV)/.dev
	$(LOCK) --output-file requirements.txt pyproject.toml
	$(LOCK) --extra dev --constraint requirements.txt --output-file requirements-dev.txt pyproject.toml

clean:
	rm -rf $(VENV) .demo build src/*.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .screens

# A stamp is renewed when a lock has changed; a second start installs nothing.
$(VENV)/.made:
	@sh tools/make_venv.sh "$(PYTHON)" "$(VENV)"
	@touch $@

$(VENV)/.demo: $(VENV)/.made requirements.txt pyproject.toml
	@echo "Installing what the magazine needs; this takes a minute, once."
	@$(RUN_PIP) install --require-hashes --requirement requirements.txt
	@$(RUN_PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.demo requirements-dev.txt
	@echo "Installing what the tests need; this takes a minute, once."
	@$(RUN_PIP) install --require-hashes --requirement requirements-dev.txt
	@touch $@
