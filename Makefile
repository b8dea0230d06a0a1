# The commands for users and developers. A fresh machine needs rustup, python3, make and a C compiler. Everything else is
# installed into target/ and .tools/.

CONFIG ?= config.yaml
PORT ?= 4000
# Not of the environment, where shells keep the name of the machine: `make run HOST=native`.
HOST := wasm
ARGS ?=

CARGO ?= cargo
BUILD := $(or $(CARGO_TARGET_DIR),target)
WASM := wasm32-wasip1
TOOLS := $(CURDIR)/.tools

# The launcher and the key service that run.
PROGRAMS := $(BUILD)/release

# Where tests find the official SDKs.
SDKS := PYTHONPATH=$(TOOLS)/python NODE_PATH=$(TOOLS)/node/node_modules PATH=$(TOOLS)/bin:$$PATH

.DEFAULT_GOAL := help
.PHONY: help run sanitize test test-clients test-compose test-upgrade ui-shots judges manifests build filter module native bench bench-keys bench-litellm bench-rivals bench-compare soak \
	soak-reload soak-fleet soak-rotation check package release-dry-run fuzz fmt prose fuzz-api clippy clippy-wasm docs audit size example envoy sdks toolchain prerequisites clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make run CONFIG=$(CONFIG) PORT=$(PORT) HOST=$(HOST) ARGS='…'   (ARGS: see target/release/switchboard up --help)"

run: build ## Build what is missing and start everything on http://127.0.0.1:4000
	@exec $(PROGRAMS)/switchboard up --config $(CONFIG) --port $(PORT) --filter $(HOST) $(ARGS)

# The end-to-end tests that also run with the native filter.
NATIVE_SUITES := chat:: stream:: silence:: faults:: fault_table:: limits:: reload:: keys:: sdk:: telemetry:: parts:: envoy_facts::

# The tests start the programs that are built with them, which check for overflows, and need no second build of everything.
# Most tests with a real Envoy wait rather than compute: four at once on two cores take half the time of two.
TESTED := RUST_TEST_THREADS=$(or $(RUST_TEST_THREADS),$(shell echo $$((2 * $$(nproc))))) SWITCHBOARD_BIN=$(abspath $(BUILD)/debug/switchboard)

test: filter module envoy sdks ## Run all tests: unit tests, real Envoy with both forms of the filter, official SDKs, official types
	$(TESTED) $(SDKS) $(CARGO) test --workspace
	$(TESTED) SWITCHBOARD_HOST=native $(SDKS) $(CARGO) test --workspace --test e2e -- $(NATIVE_SUITES)
	@tests/judges/run
	@$(TESTED) tests/deploy/run

test-clients: build ## Test with Claude Code, Codex and Gemini CLI (downloads 900 MB; ARGS="codex bedrock" runs a part)
	@scripts/fetch-clients
	$(CARGO) build --release --quiet -p fake-provider
	@python3 tests/clients/run.py $(ARGS)

test-upgrade: build ## Test that an earlier version works together with this one (PREVIOUS=tag or commit; 15 min)
	@scripts/test-upgrade $(PREVIOUS)

ui-shots: native ## Use the console in Chromium, check it with axe-core, and take screenshots (ARGS=folder)
	@tests/console/run $(ARGS)

judges: ## Validate the fixtures with the providers' official packages (10 s)
	@tests/judges/run

test-compose: build sdks ## Test docker-compose.yml in a real engine (needs root on Debian; 2 min)
	$(CARGO) build --release --quiet -p fake-provider
	@python3 tests/compose/run.py

manifests: native ## Validate deploy/ with Kubernetes' schemas, Istio's models and helm (10 s)
	@SWITCHBOARD_BIN=$(abspath $(BUILD)/release/switchboard) tests/deploy/run

build: native filter module envoy ## Build the launcher, the key service, both forms of the filter, and download Envoy

native: prerequisites ## Build the launcher and the key service
	@scripts/cargo-build "the launcher and the key service (first build: 2 to 5 minutes)" \
		$(BUILD)/release/switchboard build --release -p switchboard-cli -p switchboard-keys

# Optimized for speed, except for inlining: functions up to a quarter of the usual size are inlined. Inlining larger ones
# makes the module larger, and it must stay below 1.75 MB. See docs/performance.md.
INLINE := -Cllvm-args=-inline-threshold=60

# The compiler's output, and the module after Binaryen: a twentieth smaller and faster. See docs/decisions/0017.
COMPILED := $(BUILD)/filter/$(WASM)/release/switchboard.wasm
FILTER := $(BUILD)/$(WASM)/release/switchboard.wasm

filter: prerequisites toolchain ## Build the filter, switchboard.wasm
	@CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 CARGO_PROFILE_RELEASE_OPT_LEVEL=2 \
		scripts/cargo-build "the filter, switchboard.wasm (first build: 1 to 2 minutes)" $(COMPILED) \
		rustc --release -p switchboard --lib --target $(WASM) --target-dir $(BUILD)/filter -- $(INLINE)
	@scripts/optimize-filter $(abspath $(COMPILED)) $(abspath $(FILTER))

MODULE := $(BUILD)/release/libswitchboard_module.so

module: prerequisites ## Build the filter as a dynamic module, libswitchboard_module.so
	@CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 \
		scripts/cargo-build "the module, libswitchboard_module.so (first build: 1 to 2 minutes)" \
		$(BUILD)/module/release/libswitchboard_module.so \
		build --release -p switchboard-module --target-dir $(BUILD)/module
	@install -D $(BUILD)/module/release/libswitchboard_module.so $(MODULE)

bench: build ## Benchmark the code, then bare Envoy and Switchboard side by side
	$(CARGO) bench --workspace
	$(CARGO) run --release --quiet -p switchboard-bench -- $(ARGS)

sanitize: ## Run the module against a fake Envoy with the address sanitizer (nightly toolchain; 5 to 10 min)
	RUSTFLAGS="-Zsanitizer=address" BOUNDARY_REQUESTS=$(or $(REQUESTS),30000) RUSTUP_TOOLCHAIN=nightly \
		$(CARGO) test --package switchboard-module --target x86_64-unknown-linux-gnu --target-dir $(BUILD)/sanitize

soak-reload: build ## Reload the configuration 200 times during 20,000 requests
	$(CARGO) test -p switchboard-e2e --test e2e -- --ignored --nocapture two_hundred_changes

soak-fleet: build ## Change the configuration of a fleet 100 times during 20,000 requests (needs Postgres)
	$(CARGO) test -p switchboard-e2e --test e2e -- --ignored --nocapture a_fleet_takes_a_hundred_changes

soak-rotation: build ## Rotate a provider's secret during 20,000 requests, on one machine and in a fleet
	$(CARGO) test -p switchboard-e2e --test e2e -- --ignored --nocapture ten_thousand_requests_survive_rotations

bench-litellm: build ## Benchmark LiteLLM Proxy and Switchboard on the same core (downloads 1 GB)
	@scripts/fetch-litellm
	$(CARGO) run --release --quiet -p switchboard-bench --bin bench-litellm -- $(ARGS)

bench-rivals: build ## Benchmark bare Envoy, both forms of the filter, TensorZero, Portkey and LiteLLM on one core (downloads 1.2 GB)
	@scripts/fetch-litellm
	@scripts/fetch-rivals
	PATH=$(TOOLS)/bin:$$PATH $(CARGO) run --release --quiet -p switchboard-bench --bin bench-rivals -- $(ARGS)

bench-compare: build ## Compare builds of the filter (ARGS="before.wasm after.wasm", or folders of releases)
	$(CARGO) run --release --quiet -p switchboard-bench --bin compare -- $(ARGS)

bench-keys: build ## Benchmark the key service on SQLite and, if it is installed, on Postgres
	$(CARGO) run --release --quiet -p switchboard-bench --bin bench-keys -- $(ARGS)

soak: build ## Send a million mixed requests, and fail if Envoy's memory grows (ARGS="--requests 100000")
	$(CARGO) run --release --quiet -p switchboard-bench --bin soak -- $(ARGS)

check: fmt prose clippy clippy-wasm docs size audit ## Run all static checks

fmt: ## Check the formatting
	$(CARGO) fmt --all --check

prose: ## Lint the English of documentation and messages
	@scripts/lint-prose

package: prerequisites toolchain ## Build what a release consists of into target/dist
	@scripts/package

release-dry-run: package ## Build a release and verify it; publishes nothing (10 to 20 min)
	@tests/release/run

# A target of fuzz/, and how long to run it.
TARGET ?= request
TIME ?= 600

fuzz: ## Fuzz a parser: TARGET=request, stream, sse, client_request or client_stream, for TIME=600 seconds
	@scripts/fuzz $(TARGET) $(TIME)

clippy: ## Lint the native code
	$(CARGO) clippy --quiet --workspace --all-targets -- -D warnings

clippy-wasm: toolchain ## Lint the filter for its target
	$(CARGO) clippy --quiet -p switchboard --lib --target $(WASM) -- -D warnings

docs: ## Build the documentation of the code; broken links are errors
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --workspace --no-deps --document-private-items

size: filter ## Check that the filter is smaller than 1.75 MB
	@size=$$(wc -c < $(FILTER)); \
	echo "switchboard.wasm: $$size bytes"; test $$size -lt 1750000

audit: ## Check licenses, sources and vulnerabilities of the dependencies
	@scripts/audit

example: native ## Render envoy/envoy.yaml and deploy/*.yaml from config.yaml
	$(BUILD)/release/switchboard render --config config.yaml --out envoy
	@for format in kubernetes kubernetes-sidecar istio envoy-gateway; do \
		$(BUILD)/release/switchboard render --config config.yaml --out deploy --format $$format || exit 1; done

fuzz-api: native ## Fuzz the key API with schemathesis
	KEYS=$(BUILD)/release/switchboard-keys scripts/fuzz-api $(ARGS)

envoy: ## Download Envoy into .tools/
	@scripts/fetch-envoy

sdks: ## Download the official SDKs into .tools/
	@scripts/fetch-sdks

prerequisites:
	@scripts/check-prerequisites

toolchain: prerequisites
	@test -d "$$(rustc --print target-libdir --target $(WASM) 2>/dev/null)" || rustup target add $(WASM)

clean: ## Delete everything that was built or downloaded; keeps keys and data in .switchboard
	$(CARGO) clean
	rm -rf .tools
