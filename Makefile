# `make demo` shows Buckia at work, `make test` checks it. Both make their own environment in .venv.
# Kept to what GNU make 3.81 understands, which is what macOS has.

VENV := .venv
WORKERS ?= 2
PROJECTS := pyproject.toml buckia_b2/pyproject.toml buckia_bunny/pyproject.toml buckia_core/pyproject.toml buckia_linode/pyproject.toml buckia_s3/pyproject.toml
WORKSPACE := -e ./buckia_core -e ./buckia_bunny -e ./buckia_s3 -e ./buckia_linode -e ./buckia_b2 -e .
EXAMPLES := $(wildcard examples/buckia_dirstore/pyproject.toml)
ifneq ($(EXAMPLES),)
EXAMPLE_PACKAGES := -e ./examples/buckia_dirstore
endif

ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
PYTHON_HERE := $(BIN)/python
HEADING := @printf '\n== %s ==\n'

.PHONY: help demo picture test test-long test-everywhere test-data test-pythons lint format docs dist bench bench-libraries clean style types layers pytest
.NOTPARALLEL:

help:
	@echo "make demo    see Buckia sync a small project with a folder in place of a bucket"
	@echo "make picture run the demo and buckia init once more, and draw their pictures in the docs"
	@echo "make test    all checks: style, types, layers, tests"
	@echo "make test-long  the tests that take long"
	@echo "make test-everywhere  all tables of syncs on every kind of bucket"
	@echo "make test-data  what pandas, DuckDB, zarr and xarray do with buckets"
	@echo "make test-pythons  the unit tests on other Pythons"
	@echo "make lint    the checks without the tests"
	@echo "make format  put the code into its standard form"
	@echo "make docs    build the site in build/site"
	@echo "make dist    build all distributions, in the order of their release, in dist/"
	@echo "make bench   compare the speed with other tools"
	@echo "make clean   remove what these targets made"

demo: $(VENV)/installed
	@$(PYTHON_HERE) examples/quickstart/demo.py

picture: $(VENV)/developing
	@$(PYTHON_HERE) examples/quickstart/picture.py
	@$(PYTHON_HERE) -m tests.docs.init_picture

test: lint pytest

test-long: $(VENV)/developing
	$(HEADING) "Tests that take long: pytest"
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup -m long

test-everywhere: $(VENV)/developing
	$(HEADING) "Tables of syncs on every kind of bucket: pytest"
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup --everywhere $(wildcard tests/e2e/tables/test_*.py)

# The programs take hundreds of megabytes, and bring plugins for pytest: they are in a directory of their own.
DATA_TOOLS := build/data-tools

test-data: $(DATA_TOOLS)/installed
	$(HEADING) "Programs that read buckets through fsspec: pytest"
	PYTHONPATH=$(DATA_TOOLS) $(BIN)/pytest -n 0 tests/unit/objects/test_data_tools.py

$(DATA_TOOLS)/installed: $(VENV)/developing pyproject.toml
	rm -rf $(DATA_TOOLS)
	$(PYTHON_HERE) -m pip install --quiet --disable-pip-version-check --target $(DATA_TOOLS) --group data
	@touch $@

# Versions besides the one of `make test`; where an interpreter is missing, its tests are skipped.
PYTHONS ?= 3.12 3.13

test-pythons:
	@failed=; for version in $(PYTHONS); do \
	  printf '\n== Unit tests on Python %s ==\n' "$$version"; \
	  if ! "python$$version" -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "Skipped: there is no python$$version with its venv module."; \
	    continue; \
	  fi; \
	  here=build/python$$version; python=$$here/$(notdir $(BIN))/python; \
	  "python$$version" -m venv --clear "$$here" \
	    && "$$python" -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1" \
	    && "$$python" -m pip install --quiet --disable-pip-version-check --group dev $(WORKSPACE) $(EXAMPLE_PACKAGES) \
	    && "$$python" -m pytest -n $(WORKERS) --dist loadgroup -p no:cacheprovider tests/unit \
	    || failed="$$failed $$version"; \
	done; \
	if [ -n "$$failed" ]; then echo "Failed on Python$$failed" >&2; exit 1; fi

lint: style types layers

style: $(VENV)/developing
	$(HEADING) "Style: ruff"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/developing
	$(HEADING) "Types: mypy"
	$(BIN)/mypy

layers: $(VENV)/developing
	$(HEADING) "Layers: import-linter"
	$(BIN)/lint-imports

pytest: $(VENV)/developing
	$(HEADING) "Tests: pytest"
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup

format: $(VENV)/developing
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# MkDocs prints advice about other programs unless it is told not to.
docs: $(VENV)/developing
	$(HEADING) "Site: mkdocs"
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet -f .mkdocs.yml
	@echo "Built: build/site/index.html"

# Folders of dist/ are published one after the other: each distribution depends on those before it.
dist: $(VENV)/developing
	$(HEADING) "Distributions: hatchling"
	rm -rf dist
	$(PYTHON_HERE) -m hatchling build --directory "$(CURDIR)/dist/buckia"
	cd buckia_core && "$(CURDIR)/$(PYTHON_HERE)" -m hatchling build --directory "$(CURDIR)/dist/core"
	cd buckia_s3 && "$(CURDIR)/$(PYTHON_HERE)" -m hatchling build --directory "$(CURDIR)/dist/s3"
	for name in b2 bunny linode; do \
	  (cd buckia_$$name && "$(CURDIR)/$(PYTHON_HERE)" -m hatchling build --directory "$(CURDIR)/dist/adapters") || exit 1; \
	done

# Options of the comparison, such as BENCH=--quick; docs/performance.md has them.
BENCH ?=

# Libraries that `make bench` compares with, in an environment of their own, as their versions of botocore are.
BENCH_LIBRARIES := build/bench-libraries

bench-libraries: $(BENCH_LIBRARIES)/installed

$(BENCH_LIBRARIES)/installed: pyproject.toml
	$(PYTHON_HERE) -m venv --clear $(BENCH_LIBRARIES)
	$(BENCH_LIBRARIES)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BENCH_LIBRARIES)/bin/python -m pip install --quiet --disable-pip-version-check --group bench-libraries
	@touch $@

bench: $(VENV)/developing bench-libraries
	$(PYTHON_HERE) -m tests.benchmarks $(BENCH)

clean:
	rm -rf $(VENV) .demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist

# Each step leaves a file behind, so that a second call takes no time; a changed pyproject.toml repeats the step.

$(VENV)/made:
	@python=; \
	for each in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do \
	  if "$$each" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    python=$$each; break; \
	  fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "Buckia needs Python 3.11 or newer with its venv module (Debian, Ubuntu: apt-get install python3-venv)." >&2; \
	  echo "None was found as python3, python3.13, python3.12, python3.11 or python." >&2; \
	  echo "If it has another name: make PYTHON=/path/to/python" >&2; \
	  exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv --clear $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/made $(PROJECTS)
	@echo "Installing Buckia into $(VENV)"
	@$(PYTHON_HERE) -m pip install --quiet --disable-pip-version-check $(WORKSPACE)
	@touch $@

$(VENV)/developing: $(VENV)/installed $(EXAMPLES)
	@echo "Installing the tools for development into $(VENV)"
	@$(PYTHON_HERE) -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@$(PYTHON_HERE) -m pip install --quiet --disable-pip-version-check --group dev $(WORKSPACE) $(EXAMPLE_PACKAGES)
	@touch $@
