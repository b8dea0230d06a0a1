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

# Where tests find the official SDKs.
SDKS := PYTHONPATH=$(TOOLS)/python NODE_PATH=$(TOOLS)/node/node_modules PATH=$(TOOLS)/bin:$$PATH

.DEFAULT_GOAL := help
.PHONY: help run test test-clients test-compose judges manifests build filter module native bench bench-keys bench-litellm bench-compare soak \
	soak-reload check fmt prose fuzz-api clippy clippy-wasm docs audit size example envoy sdks toolchain prerequisites clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  make run CONFIG=$(CONFIG) PORT=$(PORT) HOST=$(HOST) ARGS='…'   (ARGS: see target/release/switchboard up --help)"

run: build ## Build what is missing and start everything on http://127.0.0.1:4000
	@exec $(BUILD)/release/switchboard up --config $(CONFIG) --port $(PORT) --filter $(HOST) $(ARGS)

test: build sdks ## Run all tests: unit tests, real Envoy, official SDKs, official types
	$(SDKS) $(CARGO) test --workspace
	@tests/judges/run
	@SWITCHBOARD_BIN=$(abspath $(BUILD)/release/switchboard) tests/deploy/run

test-clients: build ## Test with Claude Code, Codex and Gemini CLI (downloads 900 MB; ARGS="codex bedrock" runs a part)
	@scripts/fetch-clients
	$(CARGO) build --release --quiet -p fake-provider
	@python3 tests/clients/run.py $(ARGS)

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

# Optimized for speed, except for inlining: functions up to half the usual size are inlined. Inlining larger ones makes the
# module a tenth larger, and it must stay below 1.65 MB. See docs/performance.md.
INLINE := -Cllvm-args=-inline-threshold=120

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

soak-reload: build ## Reload the configuration 200 times during 20,000 requests
	$(CARGO) test -p switchboard-e2e --test e2e -- --ignored --nocapture two_hundred_changes

bench-litellm: build ## Benchmark LiteLLM Proxy and Switchboard on the same core (downloads 1 GB)
	@scripts/fetch-litellm
	$(CARGO) run --release --quiet -p switchboard-bench --bin bench-litellm -- $(ARGS)

bench-compare: build ## Compare builds of the filter (ARGS="before.wasm after.wasm")
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

clippy: ## Lint the native code
	$(CARGO) clippy --quiet --workspace --all-targets -- -D warnings

clippy-wasm: toolchain ## Lint the filter for its target
	$(CARGO) clippy --quiet -p switchboard --lib --target $(WASM) -- -D warnings

docs: ## Build the documentation of the code; broken links are errors
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --workspace --no-deps --document-private-items

size: filter ## Check that the filter is smaller than 1.65 MB
	@size=$$(wc -c < $(FILTER)); \
	echo "switchboard.wasm: $$size bytes"; test $$size -lt 1650000

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
