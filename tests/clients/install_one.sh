#!/bin/sh
# Makes the environment of one client; see install.sh, which says by which interpreter.
set -eu
venv=.venv-clients/$1
wanted=tests/clients/requirements/$1.txt
if cmp -s "$wanted" "$venv/installed.txt" && "$venv/bin/python" -c ''; then
    exit 0
fi
echo "installing the client $1 ..."
rm -rf "$venv"
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$wanted"
"$venv/bin/python" -m pip check
cp "$wanted" "$venv/installed.txt"
