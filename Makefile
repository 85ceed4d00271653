# Sofia's verbs for developers. `make` alone lists them.
BUILD := build/release
BIN := $(BUILD)/bin

.DEFAULT_GOAL := help
.PHONY: help setup build demo test nightly bench coverage fmt lint docs clean

help: ## List these verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is missing: Debian packages, Python wheels, headers, the chart library
	@tools/setup

build: setup ## Build the release preset: build/release/bin/sofia
	@cmake --preset release
	@cmake --build --preset release

demo: setup ## Simulate a market, tune, train and backtest on it; print where the report lies
	@cmake --preset release
	@cmake --build --preset release --target sofia
	@$(BIN)/sofia demo --out demo

test: build ## Unit tests (release, asan), text cases, room check, lint of what changed, peers, small benchmarks
	@tools/test

nightly: build ## Everything long: whole-tree lint, tsan, an hour of fuzzing (FUZZ_SECONDS), long tests, coverage
	@tools/nightly

bench: build ## Time our jobs beside their peers; play the tuner against Optuna (the first time an hour or more)
	@tools/setup --peers
	@.venv-peers/bin/python bench/run.py
	@.venv-peers/bin/python bench/quality.py both

coverage: setup ## Lines of src/ that the tests execute; fails below 80 %
	@tools/coverage

fmt: setup ## Format every C++ file
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format-19 -i

lint: build ## clang-format and clang-tidy on what changed against the last commit
	@tools/lint

docs: build ## Write the generated pages: docs/configuration.md, docs/features.md
	@$(BIN)/sofia docs --out docs

clean: ## Remove build/ and demo/; .venv and node_modules stay
	rm -rf build demo
