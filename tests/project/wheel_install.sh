#!/bin/sh
# Builds the source distribution and from it the wheel with the native engine, which goes to dist/.
# Installs it into an empty environment, where there is neither cargo nor JAX, and uses it there.
# Usage: wheel_install.sh FOLDER (made anew) PYTHON, of an environment with setuptools-rust.
set -eu
folder=$1
python=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
here=$(cd "$(dirname "$0")" && pwd)
root=$(pwd)
rm -rf "$folder"
mkdir -p "$folder" dist
folder=$(cd "$folder" && pwd)
sh "$here/copy_tracked.sh" "$folder/source"
export KOLMOZIP_NATIVE=1 CARGO_TARGET_DIR="$root/native/target"
(cd "$folder/source" && "$python" setup.py --quiet sdist --dist-dir "$folder")
"$python" -m pip --disable-pip-version-check wheel --quiet --no-deps --no-build-isolation \
    --wheel-dir "$folder" "$folder"/kolmozip-*.tar.gz
wheel=$(echo "$folder"/kolmozip-*-cp311-abi3-*.whl)
test -f "$wheel" || { echo "error: $wheel was not built" >&2; exit 1; }

"${PYTHON:-python3}" -m venv "$folder/venv"
bin=$folder/venv/bin
"$bin/python" -m pip --disable-pip-version-check install --quiet --constraint requirements.lock "$wheel"
for package in jax scipy constriction; do
    if "$bin/python" -c "import $package" 2>/dev/null; then
        echo "error: the wheel brings $package" >&2
        exit 1
    fi
done
cd "$folder"
PATH=$bin:/usr/bin:/bin
command -v cargo >/dev/null && { echo "error: cargo is on $PATH" >&2; exit 1; }
"$bin/kolmozip" --version | grep -q "engine: native"
"$bin/kolmozip" test --quiet "$root/tests/golden/decode/level-6.kz"
sh "$here/round_trips.sh" "$bin"
cp "$wheel" "$root/dist/"
echo "dist/$(basename "$wheel")"
