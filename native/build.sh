#!/bin/sh
# Builds the engine into the checkout, unless it is there already. Where it cannot be built, says
# why in one line and ends with 1. Usage: build.sh PYTHON, of an environment with setuptools-rust.
set -u
python=$1
cd "$(dirname "$0")/.."
fresh='import sys; from compressor.codec import native; sys.exit(native.absent() is not None)'
"$python" -c "$fresh" 2>/dev/null && exit 0

log=build/engine.log
mkdir -p build
(cd compressor/codec && rm -f _native.*.so _native.pyd)
if ! command -v "${CARGO:-cargo}" >/dev/null; then
    reason="cargo is not found (https://rustup.rs installs it)"
else
    echo "Building the native engine (a minute or two)" >&2
    if KOLMOZIP_NATIVE=1 "$python" setup.py --quiet build_rust --inplace >$log 2>&1 &&
        "$python" -c "$fresh" 2>>$log; then
        exit 0
    fi
    if grep -qE '(failed|unable) to (download|get|fetch|update|load source)' $log; then
        reason="its crates cannot be fetched ($log)"
    else
        reason="$(grep -m 1 '^error' $log || tail -n 1 $log) ($log)"
    fi
fi
echo "No native engine: $reason. JAX computes in its place, more slowly; files are the same" >&2
exit 1
