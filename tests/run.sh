#!/bin/sh
# Sets up a virtual environment and runs the tests; arguments go to pytest.
set -eu
cd "$(dirname "$0")/.."

. examples/setup_venv.sh
setup_venv ".[dev]"

.venv/bin/python -m pytest "$@"
