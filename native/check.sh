#!/bin/sh
# Checks style and behaviour of the Rust sources, where cargo and their crates are at hand; says in
# one line what is left out. Usage: check.sh PYTHON, the one that the engine was built for.
set -eu
cd "$(dirname "$0")"
cargo=${CARGO:-cargo}
leave() {
    echo "The Rust sources are not checked: $1" >&2
    exit 0
}
command -v "$cargo" >/dev/null || leave "cargo is not found"
# As setuptools-rust has it: another setting would compile PyO3 once more.
export PYO3_PYTHON="$1" PYO3_BUILD_EXTENSION_MODULE=1
"$cargo" fetch --quiet --locked 2>/dev/null || leave "their crates cannot be fetched"
if "$cargo" fmt --version >/dev/null 2>&1; then
    "$cargo" fmt --all --check
else
    echo "rustfmt is not found: the layout of the Rust sources is not checked" >&2
fi
if "$cargo" clippy --version >/dev/null 2>&1; then
    "$cargo" clippy --quiet --locked --workspace --all-targets -- -D warnings
else
    echo "clippy is not found: the Rust sources are not linted" >&2
fi
"$cargo" test --quiet --locked
