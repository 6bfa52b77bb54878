#!/bin/sh
# Make a virtual environment: make_venv.sh PYTHON FOLDER. Says what is missing, if anything is.
set -eu
python="$1" folder="$2"
if ! command -v "$python" >/dev/null 2>&1; then
    echo "There is no $python. Standfirst needs Python 3.11 or newer: apt-get install python3" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$python is too old. Standfirst needs Python 3.11 or newer; name one: make PYTHON=..." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "Python's venv is missing. On Debian: apt-get install python3-venv" >&2
    exit 1
fi
rm -rf "$folder"
"$python" -m venv "$folder"
