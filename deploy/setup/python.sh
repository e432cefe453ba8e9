#!/usr/bin/env bash
# Makes the virtual environment of the project: Python 3.11, the locked packages (hashes checked), the project itself in editable mode.
set -euo pipefail
venv=${1:?folder of the virtual environment}
cd "$(dirname "$0")/../.."

python=
for candidate in "${PYTHON:-}" python3.11 python3 python; do
    if [ -n "$candidate" ] && "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ] && [ ! -x "$venv/bin/python" ]; then
    echo "setup: Python 3.11 with its venv module is needed (Debian: apt-get install python3.11 python3.11-venv); or set PYTHON=/path/to/python3.11" >&2
    exit 1
fi

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }
echo "setup: installing the locked packages into $venv (the first time takes a minute or two)"
pip install --quiet --require-hashes --requirement requirements/dev.lock
# The build prints pages of notices: shown only when it fails.
notices=$(pip install --quiet --no-deps --no-build-isolation --editable . 2>&1) || { echo "$notices" >&2; exit 1; }
