# Everything that a person types. A fresh machine needs rustup, python3, make and a C compiler; the rest is fetched
# into target/ and .tools/.

CONFIG ?= config.yaml
PORT ?= 4000
ARGS ?=

CARGO ?= cargo
BUILD := $(or $(CARGO_TARGET_DIR),target)
WASM := wasm32-wasip1
TOOLS := $(CURDIR)/.tools

# Tests that run the official SDKs find them here.
SDKS := PYTHONPATH=$(TOOLS)/python NODE_PATH=$(TOOLS)/node/node_modules PATH=$(TOOLS)/bin:$$PATH

.DEFAULT_GOAL := help
.PHONY: help run test test-compose judges manifests build filter native bench bench-keys bench-litellm bench-compare soak check fmt fuzz-api clippy clippy-wasm docs audit size example envoy sdks \
	toolchain clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  CONFIG=$(CONFIG) PORT=$(PORT) (and ARGS= for more of \`switchboard up --help\`) are for \`make run\`."

run: build ## Start everything on http://127.0.0.1:4000 with config.yaml
	@exec $(BUILD)/release/switchboard up --config $(CONFIG) --port $(PORT) $(ARGS)

test: build sdks ## Run all tests: units, real Envoy, official SDKs, official types
	$(SDKS) $(CARGO) test --workspace
	@tests/judges/run
	@SWITCHBOARD_BIN=$(abspath $(BUILD)/release/switchboard) tests/deploy/run

judges: ## Let the providers' official packages judge the fixtures, requests and answers (10 s)
	@tests/judges/run

test-compose: build sdks ## Bring docker-compose.yml up for real, where there is an engine (root, Debian's packages; 2 min)
	$(CARGO) build --release --quiet -p fake-provider
	@python3 tests/compose/run.py

manifests: native ## Let Kubernetes' schemas, Istio's models and helm judge deploy/ (10 s)
	@SWITCHBOARD_BIN=$(abspath $(BUILD)/release/switchboard) tests/deploy/run

build: native filter envoy ## Build the launcher, the key service and the filter, and fetch Envoy

native: ## Build the launcher and the key service
	$(CARGO) build --release --quiet -p switchboard-cli -p switchboard-keys

# For speed, but for functions that are copied into their callers: half as large as usual they may be, for larger ones make
# the module a tenth larger, and it must stay under 1.3 MB. `docs/performance.md`.
INLINE := -Cllvm-args=-inline-threshold=120

# As the compiler leaves it, and as Binaryen makes it: a twentieth smaller and quicker. `docs/decisions/`, 17.
COMPILED := $(BUILD)/filter/$(WASM)/release/switchboard.wasm
FILTER := $(BUILD)/$(WASM)/release/switchboard.wasm

filter: toolchain ## Build the filter, switchboard.wasm
	CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1 CARGO_PROFILE_RELEASE_OPT_LEVEL=2 $(CARGO) rustc --release --quiet -p switchboard --lib --target $(WASM) --target-dir $(BUILD)/filter -- $(INLINE)
	@scripts/optimize-filter $(abspath $(COMPILED)) $(abspath $(FILTER))

bench: build ## Measure: benches of the code, then bare Envoy and Switchboard side by side
	$(CARGO) bench --workspace
	$(CARGO) run --release --quiet -p switchboard-bench -- $(ARGS)

soak-reload: build ## Change the configuration 200 times during 20,000 requests
	$(CARGO) test -p switchboard-e2e --test e2e -- --ignored --nocapture two_hundred_changes

bench-litellm: build ## Measure LiteLLM Proxy and Switchboard on the same core (fetches 1 GB)
	@scripts/fetch-litellm
	$(CARGO) run --release --quiet -p switchboard-bench --bin bench-litellm -- $(ARGS)

bench-compare: build ## Compare modules of the filter (ARGS="before.wasm after.wasm")
	$(CARGO) run --release --quiet -p switchboard-bench --bin compare -- $(ARGS)

soak: build ## Send a million requests of every kind, and fail if Envoy grows (ARGS="--requests 100000")
	$(CARGO) run --release --quiet -p switchboard-bench --bin soak -- $(ARGS)

check: fmt clippy clippy-wasm docs size audit ## Everything that is checked without running it

fmt: ## Check the formatting
	$(CARGO) fmt --all --check

clippy: ## Lint the native code
	$(CARGO) clippy --quiet --workspace --all-targets -- -D warnings

clippy-wasm: toolchain ## Lint the filter as it is in Envoy
	$(CARGO) clippy --quiet -p switchboard --lib --target $(WASM) -- -D warnings

docs: ## Build the documentation of the code; a broken link is an error
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --quiet --workspace --no-deps --document-private-items

size: filter ## Check that the filter is under 1.3 MB
	@size=$$(wc -c < $(FILTER)); \
	echo "switchboard.wasm: $$size bytes"; test $$size -lt 1300000

audit: ## Check licences, sources and vulnerabilities of the dependencies
	@scripts/audit

example: native ## Render envoy/envoy.yaml and deploy/*.yaml from config.yaml anew
	$(BUILD)/release/switchboard render --config config.yaml --out envoy
	@for format in kubernetes kubernetes-sidecar istio envoy-gateway; do \
		$(BUILD)/release/switchboard render --config config.yaml --out deploy --format $$format || exit 1; done

fuzz-api: native ## Let schemathesis judge the key API by its own description
	KEYS=$(BUILD)/release/switchboard-keys scripts/fuzz-api $(ARGS)

bench-keys: build ## Measure the key service on SQLite and, where it is installed, on Postgres
	$(CARGO) run --release --quiet -p switchboard-bench --bin bench-keys -- $(ARGS)

envoy: ## Fetch Envoy into .tools/
	@scripts/fetch-envoy

sdks: ## Fetch the official OpenAI SDKs into .tools/
	@scripts/fetch-sdks

toolchain:
	@test -d "$$(rustc --print target-libdir --target $(WASM) 2>/dev/null)" || rustup target add $(WASM)

clean: ## Remove what was built and fetched; keys and data in .switchboard stay
	$(CARGO) clean
	rm -rf .tools
