# Two commands matter: `make demo` shows the bridge at work, `make test` says whether it is sound.
# Both make .venv from uv.lock first. Nothing else has to be set up.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test bench proof mutation lint format schema sbom

RUN := .venv/bin

help:
	@echo "make demo     the whole thing at work on an embedded database, until Ctrl-C (ARGS=--once: one round)"
	@echo "make test     lint, types, every test; installs what is missing where it may"
	@echo "make proof    the long proofs        make bench    the figures"
	@echo "make mutation whether a test notices when the rating is changed (ARGS=--all: every change there is)"
	@echo "make lint     what style and types say     make format   put style right"
	@echo "make schema   write sql/schema.sql from the migrations        make sbom   dist/sbom.json, what we are built of"

demo: .venv/.ready
	@$(RUN)/bridge demo $(ARGS)

test: .venv/.ready
	@.ci/test

bench: .venv/.ready
	@for figure in benchmarks/*.py; do echo "== $$figure"; $(RUN)/python "$$figure"; done

proof: .venv/.ready
	@$(RUN)/python -m pytest -m proof $(ARGS)

mutation: .venv/.ready
	@$(RUN)/python .ci/mutation $(ARGS)

lint: .venv/.ready
	@.ci/lint

format: .venv/.ready
	@$(RUN)/ruff check --quiet --fix . || true
	@$(RUN)/ruff format .

schema: .venv/.ready
	@$(RUN)/python -m bridge.schema.migrations > sql/schema.sql

sbom: .venv/.ready
	@mkdir -p dist
	@$(RUN)/python .ci/sbom > dist/sbom.json

.venv/.ready: uv.lock pyproject.toml .ci/uv.txt .ci/setup
	@.ci/setup
	@touch $@
