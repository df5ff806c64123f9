# One recipe for each step of .ci/run, by the same name. `just` is a convenience: every recipe
# is one command, which can be typed as well.

# all recipes
default:
    @just --list --unsorted

# how the code is laid out
fmt:
    cargo fmt --all --check

# clippy, warnings denied
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# rustdoc, broken links denied
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# licences, sources, bans (cargo install --locked cargo-deny)
deny:
    cargo deny check --hide-inclusion-graph bans licenses sources

# every ring this machine can carry
test *args:
    tests/run {{ args }}

# the fuzz targets compile; they need a C++ compiler
fuzz:
    CARGO_TARGET_DIR=target/fuzz cargo check --manifest-path tests/fuzz/Cargo.toml

# the examples build
examples:
    cargo build --workspace --examples --locked

# every bench once, without measuring
bench-smoke:
    cargo bench -p bench --profile rings --locked -- --test

# the lab on loopback: balancer, three webapps, statistics page
demo:
    cargo run --release -p lb -- demo

# lb, HAProxy and nginx side by side (docs/versus.md)
versus *args:
    cargo run --release -p bench --bin versus -- {{ args }}

# all of the above that must hold
ci:
    bash .ci/run
