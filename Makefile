# The usual entry points; `make` alone lists them. The build itself is CMake's: CMakePresets.json, cmake/.
SHELL := /bin/bash
JOBS ?= $(shell scripts/jobs.sh)
PREFIX ?= /usr/local
# Options of ctest: make test CTEST="-R engine"
CTEST ?=

RELEASE := build/release
CTEST_RUN = ctest --output-on-failure --progress --parallel $(JOBS)

.DEFAULT_GOAL := help
.PHONY: help setup setup-lint build test demo run bench format lint check install asan tsan fuzz clean

help: ## Lists these commands
	@echo "partnermetrics: exact, explainable numbers about business partners"
	@echo
	@sed -n 's/^\([a-z -]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | column -t -s '|'

setup: ## Installs missing Debian packages for building and testing
	@scripts/install-packages.sh packages.txt

setup-lint: setup ## Installs what lint, asan and tsan need on top
	@scripts/install-packages.sh packages-lint.txt

build/%/build.ninja: | setup
	cmake --preset $*

build: setup $(RELEASE)/build.ninja ## Builds partnerd, partnerctl, the connector host and the connectors
	@cmake --build $(RELEASE) --parallel $(JOBS) --target product

test: setup $(RELEASE)/build.ninja ## Builds and runs all tests
	@cmake --build $(RELEASE) --parallel $(JOBS)
	cd $(RELEASE) && $(CTEST_RUN) $(CTEST)

demo: build ## Three bundled exports to a partner's scorecard, on a throw-away server
	@demo/run-demo.sh $(RELEASE)

run: build ## Starts a server whose data stays, in var/
	@scripts/run-server.sh $(RELEASE)

bench: build ## Measures throughput, latency and memory of the real server
	@cmake --build $(RELEASE) --parallel $(JOBS) --target benchmarks
	@tests/bench/run.sh $(RELEASE)

format: setup-lint ## Formats all sources and protos
	@scripts/format.sh

lint: setup-lint build/lint/build.ninja ## Checks format, tree, protos and, of changed files, clang-tidy's findings
	@scripts/format.sh --check
	@scripts/check-tree.sh
	@scripts/lint-protos.sh
	@scripts/tidy.sh build/lint

check: format lint ## Formats, then lints

install: build ## Installs into PREFIX (/usr/local), below DESTDIR if set
	cmake --install $(RELEASE) --prefix $(PREFIX)

asan: export ASAN_SYMBOLIZER_PATH = /usr/bin/llvm-symbolizer-14
asan: export UBSAN_OPTIONS = print_stacktrace=1
# The packaged libraries are not instrumented; what they synchronise would look like a race.
tsan: export TSAN_OPTIONS = ignore_noninstrumented_modules=1 suppressions=$(CURDIR)/tests/tsan.supp handle_segv=0 handle_abort=0 external_symbolizer_path=/usr/bin/llvm-symbolizer-14
asan tsan: %: setup-lint build/%/build.ninja ## Unit and property tests under sanitizers (clang)
	@cmake --build build/$@ --parallel $(JOBS) --target unit_tests
	cd build/$@ && $(CTEST_RUN) --label-regex '^(unit|property)$$' $(CTEST)

fuzz: FUZZ_SECONDS ?= 60
fuzz: setup-lint build/fuzz/build.ninja ## Fuzzes every parser for FUZZ_SECONDS (60) each (clang)
	@cmake --build build/fuzz --parallel $(JOBS) --target fuzzers
	@tests/fuzz/run.sh build/fuzz $(FUZZ_SECONDS)

clean: ## Removes everything that was built; data in var/ stays
	rm -rf build
