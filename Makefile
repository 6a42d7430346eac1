# make demo | test | serve | lint: each sets up, configures, builds and runs.
# Set-up and build do nothing when there is nothing to do.

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
	@cmake --build $(BUILD) --target mnemed mneme
	@deploy/demo --bin $(BUILD)/bin $(DEMO_FLAGS)

test: configure
	@cmake --build $(BUILD)
	@ctest --preset dev -j $(JOBS) $(TEST_FLAGS)

# make serve SERVE_FLAGS="--listen 0.0.0.0:7450"
serve: configure
	@cmake --build $(BUILD) --target mnemed
	@$(BUILD)/bin/mnemed $(ZOO:%/=--model %) $(SERVE_FLAGS)

# Formatting, clang-tidy on what changed, and the rules no compiler checks.
lint: configure
	@deploy/setup checks
	@.ci/lint

setup:
	@deploy/setup

configure: setup
	@test -f $(BUILD)/build.ninja || cmake --preset dev
