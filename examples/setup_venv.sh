# Sourced by quickstart.sh and tests/run.sh, from the repository's root.
# setup_venv WHAT: make .venv and install WHAT (`.` or `.[dev]`) with the pinned versions.
setup_venv() {
    python=${PYTHON:-}
    if [ -z "$python" ]; then
        for candidate in python3.11 python3 python; do
            if command -v "$candidate" >/dev/null 2>&1; then
                python=$candidate
                break
            fi
        done
    fi
    if ! "${python:-false}" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        echo "ragkit needs Python 3.11 or newer; set PYTHON to such an interpreter" >&2
        exit 1
    fi
    # An environment that was moved or copied points at the wrong place: make it anew.
    if ! .venv/bin/python -c 'import os, sys; sys.exit(os.path.realpath(sys.prefix) != os.path.realpath(".venv"))' 2>/dev/null; then
        rm -rf .venv
        "$python" -m venv .venv
    fi
    # The stamp tells what is installed, so that a second run needs no network.
    stamp=$(cat pyproject.toml constraints.txt | cksum)
    if [ "$(cat ".venv/installed$1" 2>/dev/null)" != "$stamp" ]; then
        echo "installing ragkit into .venv ..."
        PIP_CONSTRAINT=constraints.txt .venv/bin/python -m pip install --quiet \
            --disable-pip-version-check --editable "$1"
        echo "$stamp" >".venv/installed$1"
    fi
}
