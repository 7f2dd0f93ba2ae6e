#!/bin/sh
# Set up .venv with the exact versions of constraints.txt. Does nothing when it is up to date.
set -eu
cd "$(dirname "$0")/.."

is_311() { "$1" -c 'import sys; raise SystemExit(sys.version_info[:2] != (3, 11))' >/dev/null 2>&1; }

python=""
for candidate in "${PYTHON:-}" python3.11 python3 python; do
    if [ -n "$candidate" ] && is_311 "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
    echo "gliomics needs Python 3.11: install it (for example 'pyenv install 3.11', 'uv python install 3.11' or your system's python3.11 and python3.11-venv), then run make again, or name it with PYTHON=/path/to/python3.11." >&2
    exit 1
fi

# What decides the environment: the requirements and the exact versions. Also the place, since
# a virtual environment does not survive being moved.
wanted=$( { cat pyproject.toml constraints.txt scripts/set_up.sh; pwd; } | cksum)
stamp=.venv/.gliomics-set-up
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && is_311 .venv/bin/python; then exit 0; fi

echo "Setting up .venv (about two minutes the first time) ..." >&2
rm -f "$stamp"
[ -x .venv/bin/python ] && is_311 .venv/bin/python || { rm -rf .venv; "$python" -m venv .venv; }
pip() { .venv/bin/python -m pip --disable-pip-version-check "$@"; }
quietly() {
    if ! "$@" > .venv/set-up.log 2>&1; then tail -n 40 .venv/set-up.log >&2; echo "Set-up failed: see above." >&2; exit 1; fi
}
# pyradiomics has no wheel for this Python and its setup.py imports numpy without saying so: numpy and the
# build tools go in first and its build is not isolated from them.
quietly pip install --constraint constraints.txt pip setuptools wheel numpy
quietly pip install --no-build-isolation --constraint constraints.txt --editable '.[dev]'
echo "$wanted" > "$stamp"
