#!/bin/sh
# Copies what is under version control, or about to be, as it stands. Usage: copy_tracked.sh FOLDER.
set -eu
mkdir -p "$1"
git ls-files -z --cached --others --exclude-standard |
    tar --null --files-from=- --ignore-failed-read -cf - 2>/dev/null | tar -C "$1" -xf -
