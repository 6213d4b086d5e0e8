# Two commands do it all: `make run` starts the app in the browser, `make test` runs every check.
# Both first make the virtual environment and install the exact versions of the lock, once.

PORT ?= 8501
VENV := .venv
PYTHON := $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_NO_INPUT = 1

.PHONY: run test test-model

run: $(VENV)/.kernel-compiled
	@$(PYTHON) app.py --server.port $(PORT)

# All four checks run, pytest last, so that one call shows everything that is wrong.
test: $(VENV)/.test-packages $(VENV)/.kernel-compiled
	@failed=; \
	$(PYTHON) -m ruff check || failed="$$failed ruff-check"; \
	$(PYTHON) -m ruff format --check || failed="$$failed ruff-format"; \
	$(PYTHON) -m mypy || failed="$$failed mypy"; \
	$(PYTHON) -m pytest -n 2 --dist loadscope --no-loadscope-reorder || failed="$$failed pytest"; \
	if [ -n "$$failed" ]; then echo "failed:$$failed" >&2; exit 1; fi

# Opt-in: a campaign against a real model, named by MODEL and API_BASE. Its ledger and transcript stay in artifacts/model.
test-model: $(VENV)/.kernel-compiled
	@mkdir -p artifacts/model
	@$(PYTHON) studies/model_drafts.py artifacts/model --transcript artifacts/model/transcript.md

# The first import compiles the kernel and keeps the result beside it; done here, the app starts at once.
$(VENV)/.kernel-compiled: $(VENV)/.packages engine/backtest/kernel.py
	@echo "Compiling the kernel."
	@$(PYTHON) -c "import engine.backtest.kernel"
	@touch $@

$(VENV)/.test-packages: $(VENV)/.packages requirements-dev.lock
	@echo "Installing what the tests need."
	@$(PYTHON) -m pip install --quiet --requirement requirements-dev.lock
	@touch $@

$(VENV)/.packages: requirements.lock | $(PYTHON)
	@$(PYTHON) -c "import pip, sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null || \
	{ echo "$(VENV) is not whole or its Python is older than 3.11: remove the folder $(VENV) and try again." >&2; exit 1; }
	@echo "Installing the packages: some minutes, only this once."
	@$(PYTHON) -m pip install --quiet --requirement requirements.lock
	@touch $@

# The plain name first, so that whoever has chosen a Python keeps it; then 3.11, on which the tests run, and newer ones.
$(PYTHON):
	@for python in python3 python3.11 python3.12 python3.13 python3.14; do \
	  if $$python -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null; then \
	    if ! $$python -c "import ensurepip, venv" 2>/dev/null; then \
	      echo "$$python has no venv module: install it (Debian: apt-get install python3-venv) and try again." >&2; \
	      exit 1; \
	    fi; \
	    echo "Making the virtual environment $(VENV) with $$($$python --version)."; \
	    exec $$python -m venv $(VENV); \
	  fi; \
	done; \
	echo "Found no Python of 3.11 or newer (python3 is $$(python3 --version 2>/dev/null || echo missing)): install one and try again." >&2; \
	exit 1
