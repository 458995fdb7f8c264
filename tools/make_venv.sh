#!/bin/sh
# Make a virtual environment with the first Python 3.11 or newer that is found. Usage: make_venv.sh FOLDER
set -eu
folder=$1
for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.14 python3.11 python; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        echo "Setting up $folder with $("$candidate" --version) (once; about a minute)"
        exec "$candidate" -m venv "$folder"
    fi
done
cat >&2 <<'MESSAGE'
No usable Python was found. Vouchsafe needs Python 3.11 or newer with its venv module.
  Debian, Ubuntu:  apt install python3 python3-venv
  Fedora:          dnf install python3
  macOS:           brew install python
Another place? Name it: make PYTHON=/path/to/python3.12 install
MESSAGE
exit 1
