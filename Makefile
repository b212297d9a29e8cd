# Everything a person or a CI job does with this project. `make` alone lists it.
#
# Needs git, make and Python 3.11; uv comes into .make/uv when the machine has none. Nothing is written outside of this
# folder but uv's and the package manager's caches.

PYTHON ?= python3.11
UV_VERSION := 0.13.8

ORCHESTRATOR := .venv/bin
INGESTION := .venv-ingestion/bin
ENVIRONMENTS := dev qa production demo

# The demo's dbt project; its models are Dagster's assets once its manifest is there.
DBT := examples/demo/dbt
DBT_FILES := $(shell find $(DBT) -type f -not -path '*/target/*' -not -path '*/logs/*' -not -name '.*')

# Tests of what runs in the ingestion environment, as the integration tests do; everything else is Dagster's side.
INGESTION_TESTS := data_platform_tests/ingestion
DEMO_TESTS := data_platform_tests/demo
SERVER_TESTS := data_platform_tests/server
ORCHESTRATOR_TESTS := data_platform_tests $(addprefix --ignore=,$(INGESTION_TESTS) $(DEMO_TESTS) $(SERVER_TESTS) data_platform_tests/integration)

export DAGSTER_HOME := $(CURDIR)/.dagster
export UV_PYTHON := $(PYTHON)
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME

UV := $(or $(shell command -v uv),.make/uv/bin/uv)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo serve test check ci-defs bench test-integration

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .make/orchestrator .make/ingestion .dagster/dagster.yaml $(DBT)/target/manifest.json ## make both Python environments; nothing to do when they are up to date

demo: setup ## fill a catalog from a real database through Dagster, and check what is in it
	@$(ORCHESTRATOR)/python -m examples.demo.run

serve: setup ## the demo's catalog and Dagster's UI, until Ctrl-C
	@$(ORCHESTRATOR)/python -m examples.demo.serve

test: setup ## every hermetic test, in both environments at the same time
	@$(MAKE) --no-print-directory --jobs=4 --keep-going --output-sync=target .test-ingestion .test-orchestrator .test-demo .test-server

.PHONY: .test-ingestion .test-orchestrator .test-demo .test-server
.test-ingestion:
	@echo "── tests of the ingestion side"
	@$(INGESTION)/python -m pytest $(INGESTION_TESTS)

.test-demo:
	@echo "── tests of the demo"
	@$(INGESTION)/python -m pytest $(DEMO_TESTS)

.test-server:
	@echo "── tests of the embedded server"
	@$(INGESTION)/python -m pytest $(SERVER_TESTS)

.test-orchestrator:
	@echo "── tests of Dagster's side"
	@$(ORCHESTRATOR)/python -m pytest $(ORCHESTRATOR_TESTS)

check: setup ## ruff, pyright, import-linter, and the definitions of every environment
	@echo "── ruff"
	@$(ORCHESTRATOR)/ruff check .
	@$(ORCHESTRATOR)/ruff format --check .
	@echo "── pyright, Dagster's side"
	@$(ORCHESTRATOR)/pyright --project pyright.orchestrator.json
	@echo "── pyright, the ingestion side"
	@$(ORCHESTRATOR)/pyright --project pyright.ingestion.json
	@echo "── import-linter"
	@$(ORCHESTRATOR)/lint-imports
	@for environment in $(ENVIRONMENTS); do \
		echo "── dg check defs, $$environment"; \
		VIRTUAL_ENV=$(CURDIR)/.venv DAGSTER_ENVIRONMENT=$$environment $(ORCHESTRATOR)/dg check defs || exit 1; \
	done

ci-defs: setup ## load every environment, and compare assets, checks and schedules with the committed lists
	@$(ORCHESTRATOR)/python -m data_platform_tests.definitions --check

bench: setup ## time and memory against OpenMetadata's own command line and an empty Dagster project, in ratios
	@$(ORCHESTRATOR)/python -m benchmarks

test-integration: setup ## tests against servers from outside the package: Debian's PostgreSQL and MariaDB, HashiCorp's Vault (built once), Trino, Superset and Iceberg's REST catalog (fetched once)
	@test -x /usr/lib/postgresql/15/bin/postgres && test -x /usr/sbin/mariadbd || { \
		echo "── installing postgresql-15 and mariadb-server-core"; \
		root=$$(test "$$(id -u)" = 0 || echo sudo); \
		$$root apt-get update --quiet=2 && DEBIAN_FRONTEND=noninteractive $$root apt-get install --quiet=2 --yes postgresql-15 mariadb-server-core; }
	@echo "── integration tests"
	@$(INGESTION)/python -m pytest -m integration data_platform_tests/integration

.make/uv/bin/uv:
	@echo "── uv $(UV_VERSION) into .make/uv"
	@$(PYTHON) -m venv --clear .make/uv || { echo "Python's venv module is missing (Debian: apt-get install python3.11-venv)" >&2; exit 1; }
	@.make/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.make/orchestrator: pyproject.toml | $(UV)
	@echo "── Dagster's environment into .venv"
	@mkdir -p .make
	@$(UV) sync --quiet --compile-bytecode
	@touch $@

.make/ingestion: pyproject.toml | $(UV)
	@echo "── OpenMetadata's environment into .venv-ingestion"
	@mkdir -p .make
	@UV_PROJECT_ENVIRONMENT=.venv-ingestion $(UV) sync --quiet --compile-bytecode \
		--no-default-groups --group dev --extra ingestion
	@touch $@

$(DBT)/target/manifest.json: $(DBT_FILES) | .make/orchestrator
	@echo "── manifest of the demo's dbt project"
	@cd $(DBT) && $(CURDIR)/$(ORCHESTRATOR)/dbt --quiet parse
	@touch $@

.dagster/dagster.yaml: dagster.yaml
	@mkdir -p .dagster
	@ln -sf ../dagster.yaml $@
