#!/bin/sh
# Installs the core alone, as `pip install .` does, into an empty environment and uses it there:
# round trips, inspection, and a named refusal where an extra is missing. Prints the environment's
# size. Usage: core_install.sh FOLDER (made anew).
set -eu
folder=$1
rm -rf "$folder"
mkdir -p "$folder"
"${PYTHON:-python3}" -m venv "$folder/venv"
bin=$(cd "$folder/venv/bin" && pwd)
pip() { "$bin/python" -m pip --disable-pip-version-check "$@"; }
pip install --quiet --constraint requirements.lock setuptools
# A copy is built, so that the build leaves nothing behind in the checkout.
git ls-files -z --cached --others --exclude-standard |
    tar --null --files-from=- --ignore-failed-read -cf - 2>/dev/null | (mkdir "$folder/source" && tar -C "$folder/source" -xf -)
pip install --quiet --constraint requirements.lock --no-build-isolation "$folder/source"
pip uninstall --quiet --yes setuptools

cd "$folder"
for package in flax optax orbax matplotlib pandas rich pooch brotli zstandard; do
    if "$bin/python" -c "import $package" 2>/dev/null; then
        echo "error: the core brings $package" >&2
        exit 1
    fi
done
"$bin/python" -I -c 'from data.samples import sample; open("text", "wb").write(sample()[:2000])'
"$bin/kolmozip" compress --quiet --model tiny text
"$bin/kolmozip" decompress --quiet text.kz -o restored
cmp text restored
"$bin/kolmozip" compress --quiet --model tiny - < text | "$bin/kolmozip" decompress --quiet - | cmp - text
"$bin/kolmozip" inspect text.kz > /dev/null
"$bin/kolmozip" test --quiet text.kz
if "$bin/kolmozip" train --preset nano > refusal 2>&1; then
    echo "error: training ran without its extra" >&2
    exit 1
fi
grep -q "kolmozip\[train\]" refusal
test "$(wc -l < refusal)" -eq 1
packages=$(pip list --format=freeze | grep -vc -e '^pip=' -e '^kolmozip=')
size=$(du -sm "$(dirname "$bin")" | cut -f1)
echo "core: $packages packages, $size MB; round trips and refusals are as they should be"
