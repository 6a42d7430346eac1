# make demo | test | serve | lint: each sets up, configures, builds and runs.
# Set-up and build do nothing when there is nothing to do.
#   JOBS=N             compilers and tests at once (default: one a core)
#   MNEME_TORCH_DIR=D  that LibTorch instead of the wheel in .venv
#   CMAKE_FLAGS=...    for cmake's configuration

SHELL := /bin/bash
BUILD := build/dev
JOBS ?= $(shell nproc)
ZOO = $(dir $(wildcard model/zoo/*/config.json))
export NINJA_STATUS = [%f/%t, %e s] 
# Objects of another clone of the project, or of another build folder, are reused.
export CCACHE_BASEDIR = $(CURDIR)
export CCACHE_NOHASHDIR = 1

.PHONY: demo test serve lint setup configure

demo: configure
	@cmake --build $(BUILD) -j $(JOBS) --target mnemed mneme
	@deploy/demo --bin $(BUILD)/bin $(DEMO_FLAGS)

test: configure
	@cmake --build $(BUILD) -j $(JOBS)
	@ctest --preset dev -j $(JOBS) $(TEST_FLAGS)

# make serve SERVE_FLAGS="--listen 0.0.0.0:7450"
serve: configure
	@cmake --build $(BUILD) -j $(JOBS) --target mnemed
	@$(BUILD)/bin/mnemed $(ZOO:%/=--model %) $(SERVE_FLAGS)

# Formatting, clang-tidy on what changed, and the rules no compiler checks.
lint: configure
	@deploy/setup checks
	@.ci/lint

setup:
	@deploy/setup

# Anew only where the flags have changed; ninja sees changed CMake files.
configure: setup
	@flags='-DMNEME_WERROR=OFF -DMNEME_TORCH_DIR=$(MNEME_TORCH_DIR) $(CMAKE_FLAGS)'; \
	if [ ! -f $(BUILD)/build.ninja ] || [ "$$(cat $(BUILD)/flags 2>/dev/null)" != "$$flags" ]; then \
	  cmake --preset dev $$flags && echo "$$flags" > $(BUILD)/flags; \
	fi
