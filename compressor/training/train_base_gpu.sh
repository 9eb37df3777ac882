#!/bin/sh
# Trains `base-deep` for 25 minutes on a machine with one GPU that lends itself in commands of at most ten minutes.
#
#   sh compressor/training/train_base_gpu.sh FOLDER     run it three times on that machine, from the root of the checkout
#
# It installs nothing: JAX, Flax, Optax, Orbax, click and tqdm are what training needs, in whatever versions are there;
# constriction is not needed. The text is enwik8 or enwik8.xz in the folder that KOLMOZIP_CORPORA names.
#
# The first call sets out for the BUDGET of training and leaves off after LEG minutes, with a checkpoint under runs/; each
# further call goes on. The call that ends the run writes into FOLDER, in pieces of at most 15 MB: weights file, card, log, and
# the run without its optimiser state (kolmozip train slim). On the machine at home:
#
#   cat FOLDER/base-deep.tar.?? | tar x -C runs     then `kolmozip train pack runs/base-deep -o base.kzw`, --teacher runs/base-deep
#
# Before the training, the first call checks that this GPU's integers are those of the NumPy definition.
# PRESET, BUDGET, LEG, SETTINGS, PYTHON and WEIGHTS (for the check) can be set in the environment.
set -eu
OUT=$1
PRESET=${PRESET:-base-deep}
BUDGET=${BUDGET:---minutes 24}
LEG=${LEG:-8.5}
SETTINGS=${SETTINGS:---lanes 256 --window 512 --learning-rate 0.006}
PYTHON=${PYTHON:-python3}
WEIGHTS=${WEIGHTS:-tests/golden/nano.kzw}
RUN=runs/$PRESET
kolmozip() { PYTHONPATH=.${PYTHONPATH:+:$PYTHONPATH} "$PYTHON" -P -m compressor "$@"; }

CORPORA=${KOLMOZIP_CORPORA:?name the folder of enwik8 or enwik8.xz}
if [ -f "$CORPORA/enwik8.xz" ] && [ ! -f "$CORPORA/enwik8" ]; then
    "$PYTHON" -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), open(sys.argv[2], "wb"))' \
        "$CORPORA/enwik8.xz" "$CORPORA/enwik8"
fi
mkdir -p "$OUT"
if [ -d "$RUN/checkpoints" ]; then
    kolmozip train --preset "$PRESET" --output "$RUN" "${TEXT:-enwik8}" --resume --stop-after-minutes "$LEG" --quiet
else
    kolmozip dev selftest --model "$WEIGHTS" | tee "$OUT/selftest.txt"
    # shellcheck disable=SC2086
    kolmozip train --preset "$PRESET" --output "$RUN" "${TEXT:-enwik8}" --stop-after-minutes "$LEG" \
        --quiet $BUDGET $SETTINGS
fi
tail -n 3 "$RUN/train.jsonl"
if [ -f "$RUN/$PRESET.kzw" ]; then
    rm -rf build/slim
    kolmozip train slim "$RUN" --output "build/slim/$PRESET"
    tar c -C build/slim "$PRESET" | split -b 15000000 - "$OUT/$PRESET.tar."
    cp "$RUN/$PRESET.json" "$RUN/train.jsonl" "$OUT"
fi
