# Two commands do everything on a fresh machine with Python 3.11 or newer: `make app` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python
# Where it is set, each of the hundred processes that the tests start compiles the lab's modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: app test check proof assets bench data translations
.DEFAULT_GOAL := app

$(BIN)/python:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"The lab needs Python 3.11 or newer; this is {v.major}.{v.minor}. Name a newer one: make app PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: requirements.txt | $(BIN)/python
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

data: $(VENV)/installed        ## fetch and verify MNIST; without any network the lab falls back to the UCI digits
	-@$(RUN) -m kd_core data

app: data                      ## serve the lab; to a whole room: make app HOST=0.0.0.0
	$(RUN) -m kd_core app $(if $(HOST),--host $(HOST))

test: $(VENV)/installed-dev data  ## every test but the long proofs, and which twenty were the slowest
	$(RUN) -m pytest -m "not proof" -n 2 --dist loadfile --no-loadscope-reorder --durations 20

proof: $(VENV)/installed-dev data ## the long tests
	$(RUN) -m pytest -m proof

check: $(VENV)/installed-dev   ## format, lint, types, known vulnerabilities of what is installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pip-audit --local --progress-spinner off

assets: $(VENV)/installed data ## rebuild what the first paint shows: teacher, gallery, recorded Result
	$(RUN) -m assets.make

translations: $(VENV)/installed ## collect new strings into app/i18n/locale
	$(RUN) -m app.i18n.text

bench: $(VENV)/installed-dev data ## side-by-side measurements, into docs/results.md; KERAS=PYTHON adds the Keras rival
	$(RUN) benchmarks/distillation.py --write $(if $(KERAS),--keras $(KERAS))
	$(RUN) benchmarks/defaults.py --write
	$(RUN) benchmarks/seeds.py --write
	$(RUN) benchmarks/app.py --write
	$(RUN) benchmarks/transfer.py --write
	$(RUN) benchmarks/multitask.py --write
	$(RUN) benchmarks/meta_learning.py --write
	$(RUN) benchmarks/scale.py --write
	$(RUN) benchmarks/sweep.py --write
	$(RUN) benchmarks/classroom.py --write
	$(RUN) benchmarks/hinton.py --write
