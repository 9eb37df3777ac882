#!/bin/sh
# Trains `large` for 25 minutes on a machine with one GPU that is lent for commands of at most
# ten minutes.
#
#   sh compressor/training/train_large_gpu.sh FOLDER     three times, from the root of the checkout
#
# It installs nothing: training needs JAX, Flax, Optax, Orbax, click and tqdm, in whatever versions
# are there. The text is enwik8 or enwik8.xz in the folder that KOLMOZIP_CORPORA names.
#
# The first call begins a run with the BUDGET and stops after LEG minutes, with a checkpoint under
# runs/; each further call goes on. The call that ends the run writes into FOLDER: its card, its
# log and, in pieces of at most 15 MB, the run without its optimiser state (kolmozip train slim).
# On the machine at home:
#
#   cat FOLDER/large.tar.?? | tar x -C runs
#   kolmozip train pack runs/large -o large.kzw     or:  kolmozip train --teacher runs/large
#
# Before the training, the first call checks that this GPU's integers are those of the NumPy
# definition. That reads a weights file, which takes constriction: without it the check is left out.
#
# PRESET, BUDGET, LEG, SETTINGS, PYTHON and WEIGHTS (for the check) can be set in the environment.
set -eu
OUT=$1
PRESET=${PRESET:-large}
BUDGET=${BUDGET:---minutes 24}
LEG=${LEG:-8.5}
SETTINGS=${SETTINGS:---lanes 256 --window 512 --learning-rate 0.006}
PYTHON=${PYTHON:-python3}
WEIGHTS=${WEIGHTS:-tests/golden/nano.kzw}
TEXT=${TEXT:-enwik8}
RUN=runs/$PRESET
kolmozip() { PYTHONPATH=.${PYTHONPATH:+:$PYTHONPATH} "$PYTHON" -P -m compressor "$@"; }

CORPORA=${KOLMOZIP_CORPORA:?name the folder of enwik8 or enwik8.xz}
if [ -f "$CORPORA/enwik8.xz" ] && [ ! -f "$CORPORA/enwik8" ]; then
    "$PYTHON" -c 'import lzma, shutil, sys
shutil.copyfileobj(lzma.open(sys.argv[1]), open(sys.argv[2], "wb"))' \
        "$CORPORA/enwik8.xz" "$CORPORA/enwik8"
fi
mkdir -p "$OUT"
if [ -d "$RUN/checkpoints" ]; then
    set -- --resume
else
    if "$PYTHON" -c 'import constriction' 2>/dev/null; then
        kolmozip dev selftest --engine jax --model "$WEIGHTS" >"$OUT/selftest.txt"
    else
        echo "constriction is not installed: integers not checked" >"$OUT/selftest.txt"
    fi
    cat "$OUT/selftest.txt"
    # shellcheck disable=SC2086
    set -- $BUDGET $SETTINGS
fi
kolmozip train "$TEXT" --preset "$PRESET" --output "$RUN" --stop-after-minutes "$LEG" --quiet "$@"
tail -n 3 "$RUN/train.jsonl"
if [ -f "$RUN/$PRESET.json" ]; then # the card, which a run writes when it has ended
    rm -rf build/slim
    kolmozip train slim "$RUN" --output "build/slim/$PRESET"
    tar c -C build/slim "$PRESET" | split -b 15000000 - "$OUT/$PRESET.tar."
    cp "$RUN/$PRESET.json" "$RUN/train.jsonl" "$OUT"
fi
