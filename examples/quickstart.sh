#!/bin/sh
# From a clean clone to answers: sets up a virtual environment and runs ragkit's main job on the
# documents in examples/library. May be run again; PYTHON chooses the interpreter.
set -eu
cd "$(dirname "$0")/.."

. examples/setup_venv.sh
setup_venv .

RAGKIT_DATA="$PWD/.ragkit"
export RAGKIT_DATA
PATH="$PWD/.venv/bin:$PATH"

show() {
    printf '\n$ ragkit'
    for word in "$@"; do
        case $word in
            *" "*) printf ' "%s"' "$word" ;;
            *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    ragkit "$@"
}

show ingest examples/library --corpus library
show query library "what happens to chunks when a document is deleted?" -k 3
show ask library "how many chunks may one batch create?"

printf '\nragkit is in .venv/bin; its data are in .ragkit (RAGKIT_DATA).\n'
