# run    the whole of it on this machine: http://127.0.0.1:8000 (PORT=, DROPMILL_HOME=, FAULTS=)
# test   every check and test; without a Chromium, Debian's is installed first where that may be done (root or sudo)
# faults seeded runs with crashes, duplicates, conflicts and lost answers (RUNS=, SEED=)
# bench  the figures of the README
# deploy, destroy, doctor   a stage in AWS (STAGE=dev, REGION=eu-west-1; ROAD=, PARAMETERS="--parameter NAME=VALUE",
#        SMOKE=, DELETE_DATA=); AWS_ENDPOINT_URL= sends it to an emulator instead
# package  the dependencies as Lambda gets them, with their sizes
# lint, clean
PYTHON ?= python3
PORT ?= 8000
RUNS ?= 200
SEED ?= 1
STAGE ?= dev
REGION ?=
ROAD ?= deploy
SMOKE ?= short
PARAMETERS ?=
DELETE_DATA ?=
WHERE = --stage $(STAGE) $(if $(REGION),--region $(REGION))
# One more than there are cores: end-to-end tests wait a good deal.
WORKERS ?= $(shell expr $$(nproc) + 1)
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --no-input
INSTALL := $(PIP) install --quiet --no-deps --no-compile --progress-bar off
# The name of a stamp tells what was installed: after a change of the requirements it is another one.
HASH := $(shell cat requirements.txt requirements-dev.txt | cksum | cut -d' ' -f1)
RUN_STAMP := $(VENV)/run-$(HASH)
TEST_STAMP := $(VENV)/test-$(HASH)
export PORT
# pip compiles nothing (--no-compile), so the first import must be allowed to: else every start would compile anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test chromium faults bench deploy destroy doctor package lint clean
.DEFAULT_GOAL := run

run: $(RUN_STAMP)
	@exec $(PY) -m chalicelib.local.run

test: lint chromium
	$(PY) -m pytest -rs --numprocesses $(WORKERS) --dist loadfile

chromium: $(TEST_STAMP)
	@$(PY) -m tests.browser.install

faults: $(TEST_STAMP)
	$(PY) -m tests.faults --runs $(RUNS) --seed $(SEED)

bench: $(TEST_STAMP)
	$(PY) -m benchmarks

deploy: $(RUN_STAMP)
	$(PY) -m chalicelib.deploy up $(WHERE) --road $(ROAD) --smoke $(SMOKE) $(PARAMETERS)

destroy: $(RUN_STAMP)
	$(PY) -m chalicelib.deploy down $(WHERE) $(if $(DELETE_DATA),--delete-data $(DELETE_DATA))

doctor: $(RUN_STAMP)
	$(PY) -m chalicelib.deploy doctor $(WHERE)

package: $(RUN_STAMP)
	$(PY) -m chalicelib.deploy package

lint: $(TEST_STAMP)
	$(PY) -m ruff check .
	$(PY) -m mypy

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Dropmill needs Python 3.11 or newer; set PYTHON= to one"; exit 1; }
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): | $(PY)
	@echo "installing what the stack needs (once)"
	@sed -e '/^# --- to test/,$$d' -e '/^-r /d' requirements-dev.txt > $(VENV)/run.txt
	@$(INSTALL) -r requirements.txt -r $(VENV)/run.txt
	@touch $@

$(TEST_STAMP): $(RUN_STAMP)
	@echo "installing what the tests need (once)"
	@$(INSTALL) -r requirements-dev.txt
	@touch $@
