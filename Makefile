# One door for people: every command is `python -m runtime <command>` in the project's own environment.
# Needs: make, and Python 3.11 to 3.13 with its venv module. Nothing else.

SHELL := /bin/sh
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	"$$p" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null \
	&& { echo "$$p"; break; }; done)
PY := .venv/bin/python
INSTALLED := .venv/.installed
# `exec` leaves no shell between make and the command: when make dies, the command sees it and stops what it started.
RUN := exec $(PY) -m runtime --with-parent

# Compiled files make the second start of Airflow and dbt several seconds faster.
unexport PYTHONDONTWRITEBYTECODE
# The venv's programs first: dbt, ruff, airflow.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# TARGET=citus: the warehouse lies on Citus (docs/how_to/scale_out.md).
export CHAIRSIDE_TARGET := $(or $(TARGET),$(CHAIRSIDE_TARGET))
unexport TARGET
# Left to the commands' own arguments.
unexport ARGS INBOX MAPPING ROLE REPORT FROM TO FORMAT OUT URL GROUPS LANGUAGE SOURCE PERSON OPERATOR REASON ID WHY WHO REPLACE SHOW FILE

.DEFAULT_GOAL := help
.PHONY: FORCE help install lock demo up serve worker down load status psql url sign-in rotate-logins backfill forget export metabase docs mf backup restore refused release discard \
	quarantine fix dismiss replay unload data-docs test test-all bench lint format

help:  ## what can be asked for
	@awk -F ':.*## *' '/^[a-z-]+:.*##/ { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(INSTALLED)  ## [EXTRAS="celery kubernetes bench"]: the locked environment in .venv
$(INSTALLED): requirements/lock.txt requirements/bootstrap.txt runtime/install.py $(if $(EXTRAS),FORCE)
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11, 3.12 or 3.13 with venv and ensurepip found; name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" runtime/install.py
FORCE:

lock:  ## resolve again: pyproject.toml to requirements/lock.txt
	@test -x .venv/bin/uv || $(MAKE) --no-print-directory install
	.venv/bin/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links --upgrade --quiet -o requirements/lock.txt
	@for group in celery kubernetes bench; do \
		.venv/bin/uv pip compile --group $$group --universal --python-version 3.11 --generate-hashes \
			--constraint requirements/lock.txt $$(sed -nE 's/^([a-zA-Z0-9._-]+)==.*/--no-emit-package \1/p' requirements/lock.txt) \
			--no-header --no-annotate --no-emit-index-url --no-emit-find-links --upgrade --quiet -o requirements/$$group.txt \
			|| exit 1; \
	done

demo: $(INSTALLED)  ## PostgreSQL, Airflow, vendor simulators, one whole daily load, the reports
	@$(RUN) demo

up: $(INSTALLED)  ## everything serving until `make down`
	@$(RUN) up

serve: $(INSTALLED)  ## the same in the foreground, for containers and service managers
	@$(RUN) serve

worker: $(INSTALLED)  ## a Celery worker beside the Airflow of another process or machine
	@$(RUN) worker

down: $(INSTALLED)  ## stop what `make up` started; the data stays
	@$(RUN) down

load: $(INSTALLED)  ## INBOX=<folder> [MAPPING=<file>]: import files into marts
	@$(RUN) load $(if $(INBOX),--inbox "$(INBOX)") $(if $(MAPPING),--mapping "$(MAPPING)")

status: $(INSTALLED)  ## what runs, and the last loads
	@$(RUN) status

psql: $(INSTALLED)  ## [ROLE=<role>]: a SQL prompt as the owner or as an employee
	@$(RUN) psql $(if $(ROLE),--role "$(ROLE)")

url: $(INSTALLED)  ## [ROLE=<role>]: the connection URL, for scripts
	@$(RUN) url $(if $(ROLE),--role "$(ROLE)")

sign-in: $(INSTALLED)  ## ROLE=<role>: where and with what an employee signs in to Superset
	@$(RUN) sign-in $(if $(ROLE),--role "$(ROLE)")

rotate-logins: $(INSTALLED)  ## new passwords for all employees and for Superset's bridge
	@$(RUN) rotate-logins

backfill: $(INSTALLED)  ## SOURCE=<source> FROM=<date> TO=<date> [DAYS=31]: load a source's days again through Airflow, a window at a time
	@$(RUN) backfill $(if $(SOURCE),--source "$(SOURCE)") $(if $(FROM),--from "$(FROM)") $(if $(TO),--to "$(TO)") $(if $(DAYS),--days "$(DAYS)")

forget: $(INSTALLED)  ## PERSON=<person key, phone or e-mail> [OPERATOR= REASON=]: out of every table and file, for good
	@$(RUN) forget $(if $(PERSON),--person "$(PERSON)") $(if $(OPERATOR),--operator "$(OPERATOR)") \
		$(if $(REASON),--reason "$(REASON)")

export: $(INSTALLED)  ## REPORT=<name> [FROM= TO=] [FORMAT=csv|xlsx] [ROLE=<role>] [WITH='level=campaign'] [OUT=<file>]: a report as a file
	@$(RUN) export $(if $(REPORT),--report "$(REPORT)") $(if $(FROM),--from "$(FROM)") $(if $(TO),--to "$(TO)") \
		$(if $(FORMAT),--format "$(FORMAT)") $(if $(ROLE),--role "$(ROLE)") $(if $(OUT),--out "$(OUT)") \
		$(if $(WITH),--with "$$WITH")

metabase: $(INSTALLED)  ## URL=<Metabase> [GROUPS=<group>,…] [LANGUAGE=en|ru]: shows each group there what it may read
	@$(RUN) metabase $(if $(URL),--url "$(URL)") $(if $(GROUPS),--groups "$(GROUPS)") \
		$(if $(filter command,$(origin LANGUAGE)),--language "$(LANGUAGE)")

docs: $(INSTALLED)  ## [OUT=<folder>]: these pages, the pictures and dbt's site as one folder
	@$(RUN) docs $(if $(OUT),--out "$(OUT)")

mf: $(INSTALLED)  ## [ARGS="query --metrics … --group-by …"]: the figures by MetricFlow; alone, which there are
	@$(RUN) mf $(if $(ARGS),--arguments "$(ARGS)")

backup: $(INSTALLED)  ## OUT=<folder>: the whole warehouse with its rights into a new folder there
	@$(RUN) backup $(if $(OUT),--out "$(OUT)")

restore: $(INSTALLED)  ## FROM=<backup> [REPLACE=yes]: a backup into an empty warehouse, or over the one that is there
	@$(RUN) restore $(if $(FROM),--from "$(FROM)") $(if $(REPLACE),--replace "$(REPLACE)")

refused: $(INSTALLED)  ## [ID=<number>]: what a gate refused to publish, and what it would change
	@$(RUN) refused $(if $(ID),--id "$(ID)")

release: $(INSTALLED)  ## WHY="<reason>" [ID=<number>] [WHO=<name>]: publish what the gate refused
	@$(RUN) release $(if $(ID),--id "$(ID)") $(if $(WHY),--why "$(WHY)") $(if $(WHO),--who "$(WHO)")

discard: $(INSTALLED)  ## WHY="<reason>" [ID=<number>] [WHO=<name>]: never publish what the gate refused
	@$(RUN) discard $(if $(ID),--id "$(ID)") $(if $(WHY),--why "$(WHY)") $(if $(WHO),--who "$(WHO)")

quarantine: $(INSTALLED)  ## [SOURCE=<source>] [ID=<number>] [SHOW=yes]: rows that were set aside; values by their shape only, unless SHOW
	@$(RUN) quarantine $(if $(SOURCE),--source "$(SOURCE)") $(if $(ID),--id "$(ID)") $(if $(SHOW),--show "$(SHOW)")

fix: $(INSTALLED)  ## ID=<number> SET='<column>=<value>': correct a row that was set aside
	@$(RUN) fix $(if $(ID),--id "$(ID)") $(if $(SET),--set "$$SET")

dismiss: $(INSTALLED)  ## ID=<number> WHY="<reason>": a row that was set aside will never be landed
	@$(RUN) dismiss $(if $(ID),--id "$(ID)") $(if $(WHY),--why "$(WHY)")

replay: $(INSTALLED)  ## [SOURCE=<source>] [ID=<number>] [MAPPING=<file>]: land rows that were set aside and can be read now
	@$(RUN) replay $(if $(SOURCE),--source "$(SOURCE)") $(if $(ID),--id "$(ID)") $(if $(MAPPING),--mapping "$(MAPPING)")

unload: $(INSTALLED)  ## [FILE=<name> [WHY="<reason>"]]: an import file taken back; without WHY only what would leave
	@$(RUN) unload $(if $(FILE),--file "$(FILE)") $(if $(WHY),--why "$(WHY)")

data-docs: $(INSTALLED)  ## [OUT=<folder>]: every expectation with its owner, reason and what it found, as a site
	@$(RUN) data-docs $(if $(OUT),--out "$(OUT)")

# Files go out in their order, which tests/conftest.py begins with the longest: no worker waits for the other's last one.
test: $(INSTALLED)  ## the test suite, on its own PostgreSQL
	$(PY) -m pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder

test-all: $(INSTALLED)  ## and the long ones: property tests, faults, full size
	$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

bench: $(INSTALLED)  ## [BENCH_ROWS=50000] measurements side by side, as ratios against their goals
	@$(PY) -m benchmarks $(BENCH)

lint: $(INSTALLED)  ## style of Python and SQL, and types
	$(PY) -m ruff check .
	$(PY) -m mypy runtime extractors warehouse dags expectations simulators benchmarks bi tests
	$(PY) -m sqlfluff lint dbt_project --processes 2 --disable-progress-bar
	$(PY) -m warehouse.define_versions
	$(PY) -m warehouse.scale_lint

format: $(INSTALLED)  ## put the style right where a program can
	$(PY) -m ruff check --fix .
