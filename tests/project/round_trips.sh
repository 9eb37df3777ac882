#!/bin/sh
# Uses an installed kolmozip: round trips, inspection, and a named refusal where an extra is
# missing. Writes into the folder it is started in. Usage: round_trips.sh BIN, a venv's.
set -eu
bin=$1
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
"$bin/kolmozip" compress --quiet --model tiny - <text | "$bin/kolmozip" decompress --quiet - | cmp - text
"$bin/kolmozip" inspect text.kz >/dev/null
"$bin/kolmozip" test --quiet text.kz
if "$bin/kolmozip" train --preset nano >refusal 2>&1; then
    echo "error: training ran without its extra" >&2
    exit 1
fi
grep -q "kolmozip\[train\]" refusal
test "$(wc -l <refusal)" -eq 1
packages=$("$bin/python" -m pip --disable-pip-version-check list --format=freeze | grep -vc -e '^pip=' -e '^kolmozip=')
size=$(du -sm "$(dirname "$bin")" | cut -f1)
echo "$("$bin/kolmozip" --version); $packages packages, $size MB; round trips and refusals are as they should be"
