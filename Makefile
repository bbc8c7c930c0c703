# A table of contents: what can be done here. Each recipe says how.
PROFILE_DIR = $(or $(CARGO_TARGET_DIR),target)
CARGO_FLAGS = --locked
SHELL = /bin/bash

.PHONY: build run test lint bench fuzz crds charts images e2e conformance

# The binary as users get it, at target/release/hearth.
build:
	cargo build $(CARGO_FLAGS) --release -p hearth

# Scrapes Hearth itself and a node exporter, records rules, fires an alert: see examples/quickstart.
run:
	cargo run $(CARGO_FLAGS) --profile quick -p hearth -- up -f examples/quickstart

# Everything that needs nothing but the Rust toolchain and a C compiler.
test:
	cargo build $(CARGO_FLAGS) --profile ci -p hearth
	cargo test $(CARGO_FLAGS) --profile ci --workspace --lib --bins --tests

lint:
	cargo fmt --all --check
	cargo clippy $(CARGO_FLAGS) --profile ci --workspace --all-targets -- -D warnings
	@if command -v cargo-deny >/dev/null; then cargo deny check licenses bans sources; \
	else echo "make lint: cargo-deny is not installed, dependencies not judged" >&2; fi

bench:
	cargo bench $(CARGO_FLAGS) -p protocol -p scraper -p promql -p tsdb -p world --benches

# Needs cargo-fuzz (FUZZ_SECONDS=60 a target); the seeds run in `make test` as plain tests. See fuzz/README.md.
fuzz:
	fuzz/run

# The custom resource definitions, generated from their types into crds/ and the charts.
crds:
	HEARTH_RENEW=1 cargo test $(CARGO_FLAGS) -p crds --test generated

# The charts, linted and rendered, compared with what they rendered before (HEARTH_RENEW=1 renews that).
charts:
	charts/check

# The container image, with whatever builds images here; IMAGE=name:tag names it.
images:
	charts/build-image $(or $(IMAGE),localhost/hearth:dev)

# The black box tests alone: of the binary, on a real API server, in a real cluster (kind, or e2e/cluster).
e2e:
	cargo build $(CARGO_FLAGS) --profile ci -p hearth
	cargo test $(CARGO_FLAGS) --profile ci -p e2e
	e2e/run

# Other people's clients and suites against us; sets up its own tools in .conformance.
conformance:
	conformance/run
