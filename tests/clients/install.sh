#!/bin/sh
# Makes an environment for each third-party client, .venv-clients/NAME, with the versions pinned in
# requirements/NAME.txt; names as arguments make those alone. What is there already is kept.
set -eu
cd "$(dirname "$0")/../.."

python=${PYTHON:-$(command -v python3.11 || command -v python3)}
export python

[ $# -gt 0 ] || set -- $(cd tests/clients/requirements && ls | sed 's/\.txt$//')
# Two at a time: pip works on one core, and waits for the network.
printf '%s\n' "$@" | xargs -P 2 -n 1 sh tests/clients/install_one.sh
