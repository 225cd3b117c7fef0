# Everything starts here. Each target does its own set-up (tools/set_up.py), which is quick when nothing has changed.
#
#   make demo          a shop that lives, at an address that is printed; Ctrl-C ends it
#   make test          checks and tests                make soak        acceptance at its full numbers
#   make lint          ruff, import contract, mypy     make bench       measurements
#   make rows          mission rows and their tests    make screenshots every page, both languages and themes
#   make lock          write the requirements' locks   make clean       remove what the set-up made

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
SET_UP := $(PYTHON) tools/set_up.py
DEMO ?=
TEST ?=

# Every command is a process of its own: its modules are compiled once, also where the machine would rather not keep that.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test soak bench lint rows screenshots lock setup setup-tests format clean

demo: setup
	@exec $(BIN)/shuke demo $(DEMO)

setup:
	@$(SET_UP)

setup-tests:
	@$(SET_UP) --tests

lint: setup-tests
	@$(BIN)/python tools/check.py

# Three processes on two cores: a quarter of the time tests wait for what they have started.
test: setup-tests
	@$(BIN)/python tools/check.py
	@$(BIN)/python -m pytest -m "not soak" -n $(or $(PROCESSES),3) --dist loadfile --no-loadscope-reorder --durations=40 $(TEST)
	@$(BIN)/python tools/on_postgresql.py -n $(or $(PROCESSES),3) --dist loadfile

soak: setup-tests
	@$(BIN)/python -m pytest -m soak --timeout=3600 --durations=0 -v $(TEST)

bench: setup-tests
	@set -e; for file in bench/bench_*.py; do echo "== $$file"; $(BIN)/python $$file; done

rows: setup-tests
	@$(BIN)/python tools/rows.py

screenshots: setup-tests
	@$(BIN)/python tools/screenshots.py

format: setup-tests
	@$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format -q .

lock: setup-tests
	@$(BIN)/python tools/lock.py

clean:
	rm -rf $(VENV) .node browser/node_modules tests/node/node_modules src/shuke/console/static/vendor build
