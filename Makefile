# make demo | test | serve | bench | soak | lint: each sets up, configures, builds
# and runs. soak is the crash tests, longer: 1,000 kills, and as many power losses.
# bench measures what sessions and a model's step cost, without a server in
# between.
# Set-up and build do nothing when there is nothing to do.
#   JOBS=N             compilers and tests at once (default: one a core)
#   MNEME_TORCH_DIR=D  that LibTorch instead of the wheel in .venv
#   CMAKE_FLAGS=...    for cmake's configuration
#   SOAK_KILLS=N       for soak; MNEME_CRASH_SEED=S repeats a run of the crash
#                      tests, which print theirs (tests/crash/settings.h)

SHELL := /bin/bash
BUILD := build/dev
JOBS ?= $(shell nproc)
SOAK_KILLS ?= 1000
ZOO = $(dir $(wildcard model/zoo/*/config.json))
export NINJA_STATUS = [%f/%t, %e s] 
# Objects of another clone of the project, or of another build folder, are reused.
export CCACHE_BASEDIR = $(CURDIR)
export CCACHE_NOHASHDIR = 1

.PHONY: demo test serve bench soak lint setup configure

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

bench: configure
	@cmake --build $(BUILD) -j $(JOBS) --target session_bench step_bench
	@$(BUILD)/tests/bench/session_bench
	@$(BUILD)/tests/bench/step_bench --model model/zoo/wiki-rmt --rows 1,16,64

soak: configure
	@cmake --build $(BUILD) -j $(JOBS) --target crash_tests server_crash_tests
	@set -e; export MNEME_CRASH_KILLS=$(SOAK_KILLS); \
	for tests in crash_tests server_crash_tests; do $(BUILD)/tests/crash/$$tests $(SOAK_FLAGS); done

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
