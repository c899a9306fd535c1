SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
UV := .uv/bin/uv
BIN := .venv/bin

# uv trusts only its own roots unless told; pip here reads the machine's.
export UV_SYSTEM_CERTS := true
# The older name of the same setting.
export UV_NATIVE_TLS := true
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := true
# uv does not read pip's files: hand it pip's index, if the machine sets one.
pip_get = $(shell $(PYTHON) -m pip config get $(1) 2>/dev/null)
pip_index := $(or $(PIP_INDEX_URL),$(call pip_get,global.index-url))
ifneq ($(pip_index),)
export UV_DEFAULT_INDEX := $(pip_index)
endif

.PHONY: help setup lock deps lint types test demo bench wheel windows-python clean
help: ## the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile

$(UV): tools/uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer, please")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { [ "$$(id -u)" -eq 0 ] && tools/apt-packages tools/venv-packages.txt || { echo "the Debian package python3-venv is needed: apt-get install python3-venv"; exit 1; }; }
	$(PYTHON) -m venv --clear .uv
	.uv/bin/python -m pip install -q --disable-pip-version-check --no-deps --only-binary :all: --require-hashes -r tools/uv.lock
	@touch $@

.venv/.done: $(UV) requirements-dev.lock pyproject.toml
	@[ -x $(BIN)/python ] || $(UV) venv -q --python $(PYTHON) .venv
	@awk '/^setuptools==/ {p=1; print; next} p && /^ / {print; next} {p=0}' requirements-dev.lock > .venv/setuptools.lock
	$(UV) pip install -q --python $(BIN)/python --require-hashes -r .venv/setuptools.lock
	$(UV) pip sync -q --python $(BIN)/python --require-hashes --no-build-isolation requirements-dev.lock
	$(UV) pip install -q --python $(BIN)/python --no-deps --offline -e .
	@touch $@

setup: .venv/.done ## .venv with the locked packages and the command handover

lock: $(UV) ## write the lock files anew (no host name gets into them)
	$(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock' --python-version 3.11 --group dev pyproject.toml -o requirements-dev.lock
	$(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock' --python-version 3.11 -c requirements-dev.lock pyproject.toml -o requirements.lock
	$(UV) pip compile -q --universal --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock' tools/uv.in -o tools/uv.lock
	@! grep -nE '://|--(index|extra-index|find-links|trusted)' requirements-dev.lock requirements.lock tools/uv.lock

deps: ## the Debian packages the tests use (as root; else a list of them)
	@tools/apt-packages apt-packages.txt

lint: setup ## ruff
	$(BIN)/ruff check -q .
	$(BIN)/ruff format -q --check .

types: setup ## mypy and pyright
	$(BIN)/mypy
	$(BIN)/pyright

test: setup deps windows-python lint types ## everything
	$(BIN)/pytest -n 2 --dist loadgroup

demo: setup ## audit the simulated client LAN, without root; the report is in build/demo
	$(BIN)/handover demo --out build/demo

bench: ## measurements, one JSON object a line: make bench [PART=name]
	@$(MAKE) --no-print-directory setup deps >&2 # stdout is for the figures alone
	@$(BIN)/python -m tests.bench $(PART)

wheel: setup ## the wheel in dist/
	$(UV) build -q --offline --wheel -o dist .

build/windows/python.exe: tools/windows-python.lock tools/windows_python.py $(UV)
	rm -rf build/windows build/windows-sdist
	PYTHONPATH=$(CURDIR)/tools/sdist_only .uv/bin/python -m pip download -q --disable-pip-version-check --no-deps --no-binary :all: --use-pep517 --no-build-isolation --require-hashes -r $< -d build/windows-sdist
	$(PYTHON) tools/windows_python.py build/windows-sdist build/windows
	@touch $@

windows-python: build/windows/python.exe ## Windows' Python in build/windows, for the tests under Wine

clean:
	rm -rf .uv .venv build dist
