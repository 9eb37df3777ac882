#!/bin/sh
# Installs the core alone, as `pip install .` does where there is no cargo, into an empty
# environment: it names what is missing, and with the extra `jax` round-trips. Prints the
# environment's size. Usage: core_install.sh FOLDER (made anew).
set -eu
folder=$1
here=$(cd "$(dirname "$0")" && pwd)
rm -rf "$folder"
mkdir -p "$folder"
"${PYTHON:-python3}" -m venv "$folder/venv"
bin=$(cd "$folder/venv/bin" && pwd)
pip() { "$bin/python" -m pip --disable-pip-version-check "$@"; }
install() { pip install --quiet --constraint requirements.lock --no-build-isolation "$@"; }
pip install --quiet --constraint requirements.lock setuptools setuptools-rust
# A copy is built, so that the build leaves nothing behind in the checkout.
sh "$here/copy_tracked.sh" "$folder/source"
export KOLMOZIP_NATIVE=0
install "$folder/source"
if echo text | "$bin/kolmozip" --stdout >/dev/null 2>"$folder/refusal"; then
    echo "error: the core codes without an engine" >&2
    exit 1
fi
grep -q "cargo.*kolmozip\[jax\].*\[NoEngine\]" "$folder/refusal"
test "$(wc -l <"$folder/refusal")" -eq 1
install "$folder/source[jax]"
pip uninstall --quiet --yes setuptools setuptools-rust semantic-version
cd "$folder"
sh "$here/round_trips.sh" "$bin"
