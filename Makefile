# make demo: from a peptide's name to an evaluated rollout.  make test: lint, types, tests.  Both make .venv if needed.
PYTHON ?= python3
VENV ?= .venv
# Installed first, so that a machine can choose its build: make demo TORCH="torch==2.13.0 --index-url ..."
TORCH ?= torch==2.13.0
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CODE := lamslide_md tests workflows $(wildcard benchmarks)

.PHONY: demo test lint docs install clean lowest coverage audit

demo: $(INSTALLED)
	$(BIN)/python workflows/tetrapeptide.py AGVD --preset peptide

# Two processes with one thread each, each with half of the tests in order, so that most tests of a file share what they have
# made; whichever is done first takes over from the other. `pytest` alone runs them one by one.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist worksteal

# The lower ends of all ranges of versions; their warnings of what they will drop are not ours. jaxtyping's checks need a later one.
lowest: $(INSTALLED)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-lowest
	VIRTUAL_ENV=.venv-lowest $(BIN)/uv pip install --quiet --resolution lowest-direct --editable ".[dev]"
	OMP_NUM_THREADS=1 .venv-lowest/bin/pytest --numprocesses 2 --dist worksteal -W ignore::DeprecationWarning \
		-W ignore::PendingDeprecationWarning -o addopts="-q --import-mode=importlib --strict-markers -m 'not slow'"

coverage: $(INSTALLED)
	$(BIN)/pip install --quiet pytest-cov
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses 2 --dist worksteal --cov lamslide_md --cov-report term:skip-covered

audit: $(INSTALLED)
	$(BIN)/pip install --quiet pip-audit
	$(BIN)/pip-audit --skip-editable

docs: $(INSTALLED)
	$(BIN)/pip install --quiet -e ".[docs]"
	$(BIN)/mkdocs build --strict

lint: $(INSTALLED)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/pydoclint --quiet lamslide_md workflows
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy

install: $(INSTALLED)

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, $(PYTHON) is " + sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet $(TORCH)
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
