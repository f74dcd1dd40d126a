# `make run` needs python3 (3.11 or newer, with venv) and nothing else; the first target makes .venv from the lock.
.SUFFIXES:
.PHONY: run test check bench prove pictures gallery format lock clean
.DEFAULT_GOAL := run

PYTHON ?= python3
WORKERS ?= 4
ARGS ?=
SLACK ?=
IN := .venv/bin/python
READY := .venv/.ready

# where it is set, as in many images, each test worker would compile every file again: twice as long until its first test
unexport PYTHONDONTWRITEBYTECODE

run: $(READY)
	@exec $(IN) -m deploy.local $(if $(SLACK),--slack '$(SLACK)') $(ARGS)

test: $(READY)
	@exec $(IN) -m pytest -n $(WORKERS) -m 'not prove' $(ARGS)

check: $(READY)
	$(IN) -m ruff format --check --quiet --output-format concise .
	$(IN) -m ruff check --quiet --output-format concise .
	$(IN) -m mypy --no-error-summary
	$(IN) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()' --no-logo
	$(IN) -m deploy.lock --check

bench: $(READY)
	@exec $(IN) -m deploy.bench $(ARGS)

prove: $(READY)
	@exec $(IN) -m pytest -n $(WORKERS) -m prove --timeout 900 $(ARGS)

# plays the restore story in a browser that nobody sees; needs Chromium
pictures: $(READY)
	@exec $(IN) -m deploy.pictures $(ARGS)

# every card, modal and Home in every state as pictures, in .local/gallery; needs Chromium
gallery: $(READY)
	@exec $(IN) -m deploy.gallery $(ARGS)

format: $(READY)
	$(IN) -m ruff check --fix --quiet .
	$(IN) -m ruff format .

lock: $(READY)
	$(IN) -m deploy.lock $(ARGS)

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# a .venv whose Python is gone, or that came along from another folder's copy, is made again
ifneq ($(shell $(IN) -c 'print("ok")' 2>/dev/null),ok)
.PHONY: $(READY)
endif

$(READY): requirements.lock
	@sh deploy/venv.sh '$(PYTHON)'
	@touch $(READY)
