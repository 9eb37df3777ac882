# Set-up, demo and checks. Needs GNU make and Python 3.11 or newer; everything else goes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CORE := $(VENV)/.core
JAX := $(VENV)/.jax
ALL := $(VENV)/.all
PIP := -m pip --disable-pip-version-check
FUZZ_EXAMPLES ?= 100000
ARM := aarch64-unknown-linux-gnu

define LIST_VERSIONS
import json, sys
for item in json.load(open(sys.argv[1]))["install"]:
    if item["metadata"]["name"] != "kolmozip":
        print(item["metadata"]["name"] + "==" + item["metadata"]["version"])
endef
export LIST_VERSIONS

.DEFAULT_GOAL := help
.PHONY: help demo engine test quick rust arm core wheel fuzz browser lint format lock clean check-python

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: engine ## Compress and restore the shipped sample, with a table of figures
	@$(BIN)/kolmozip demo

engine: $(CORE) ## Build the native engine, or install JAX where that cannot be
	@sh native/build.sh $(BIN)/python || $(MAKE) --no-print-directory $(JAX)

test: lint rust ## Check style, types and behaviour (what CI runs)
	@$(BIN)/python -m pytest -n 2 --dist worksteal

quick: $(ALL) engine ## The tests that take seconds, for daily work
	@$(BIN)/python -m pytest -n 2 --dist worksteal -m 'not slow'

rust: $(ALL) engine ## Check style and behaviour of the engine alone, where there is cargo
	@sh native/check.sh $(CURDIR)/$(BIN)/python

arm: ## Test the engine for Arm under emulation: needs rustup, qemu-user, gcc-aarch64-linux-gnu
	@rustup target add $(ARM) 2>/dev/null || \
	    { echo "error: rustup cannot add the target $(ARM): install rustup (https://rustup.rs)" >&2; exit 1; }
	@cd native && CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
	    CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER='qemu-aarch64 -L /usr/aarch64-linux-gnu' \
	    cargo test --locked --release --target $(ARM) --package kolmozip-core --package kolmozip-rig

core: check-python ## Install the core alone into an empty environment and round-trip there
	@PYTHON="$(PYTHON)" sh tests/project/core_install.sh build/core

wheel: $(CORE) ## Build the wheel with the engine into dist, and round-trip without cargo and JAX
	@PYTHON="$(PYTHON)" sh tests/project/wheel_install.sh build/wheel $(BIN)/python

fuzz: $(ALL) engine ## Spoil containers and weights files 100,000 times (FUZZ_EXAMPLES); some minutes
	@KOLMOZIP_FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest -n 2 --dist worksteal \
	    -o timeout=0 tests/compressor/codec/test_fuzz.py tests/compressor/codec/test_native.py

browser: $(ALL) engine ## Look at our pages with Chromium, where there is one; installs playwright
	@$(BIN)/python $(PIP) install --quiet 'playwright>=1.50,<2'
	@$(BIN)/python -m pytest -m browser

lint: $(ALL) ## Check style and types only
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(ALL) ## Rewrite the code in the project's style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: check-python ## Resolve pyproject.toml afresh into requirements.lock
	@$(PYTHON) -m venv --clear build/lock
	@build/lock/bin/python $(PIP) install --quiet --dry-run --ignore-installed --report build/lock/report.json \
	    '.[dev]' 'setuptools>=77' 'setuptools-rust>=1.13,<2'
	@echo '# Every package with its version, for make: written by `make lock`, not by hand.' > build/lock/requirements.lock
	@$(PYTHON) -c "$$LIST_VERSIONS" build/lock/report.json | LC_ALL=C sort -f >> build/lock/requirements.lock
	@mv build/lock/requirements.lock requirements.lock

clean: ## Remove the environment and all caches
	rm -rf $(VENV) build dist native/target *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	rm -f compressor/codec/_native.*.so compressor/codec/_native.pyd
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The lock says every version. The project itself is installed editable, so that the checkout is
# what runs, and without build isolation, so that the build uses the locked setuptools. The engine
# is built apart from it, so that its sources may change and a failure may tell its reason.
$(CORE): pyproject.toml setup.py requirements.lock | check-python
	@echo "Setting up $(VENV) with what compressing needs (once; less than a minute)" >&2
	@$(PYTHON) -m venv --clear $(VENV) || \
	    { echo "error: $(PYTHON) cannot make a venv: install its venv module (Debian: apt install python3-venv)" >&2; \
	      rm -rf $(VENV); exit 1; }
	@$(BIN)/python $(PIP) install --quiet --constraint requirements.lock setuptools setuptools-rust
	@KOLMOZIP_NATIVE=0 $(BIN)/python $(PIP) install --quiet --constraint requirements.lock --no-build-isolation --editable .
	@touch $@

$(JAX): $(CORE)
	@echo "Adding JAX (once; less than a minute)" >&2
	@KOLMOZIP_NATIVE=0 $(BIN)/python $(PIP) install --quiet --constraint requirements.lock --no-build-isolation --editable '.[jax]'
	@touch $@

$(ALL): $(CORE)
	@echo "Adding what training, measuring and testing need (once; about a minute)" >&2
	@$(BIN)/python $(PIP) install --quiet --requirement requirements.lock
	@touch $@

check-python:
	@command -v $(PYTHON) >/dev/null || \
	    { echo "error: $(PYTHON) not found: install Python 3.11 or newer, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "error: $(PYTHON) is older than 3.11: install a newer one, or name one: make PYTHON=python3.12" >&2; exit 1; }
