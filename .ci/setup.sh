#!/usr/bin/env bash
# Make .venv and install the package into it, editable, with its extras and the tools of the tests.
# Done once for each state of pyproject.toml; the front end is built again when its sources are newer.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv
stamp=$venv/.explorer-setup

say() { printf '%s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail "explorer needs Python 3.11 or newer, and none was found on the PATH." \
        "Install one, or name it: make setup PYTHON=/path/to/python3"
}

# Debian's python3 without python3-venv cannot put pip into a new environment, but its pip can.
make_venv() {
    local python=$1
    say "Making $venv with $("$python" --version)."
    "$python" -m venv --clear "$venv" >/dev/null 2>&1 && return
    "$python" -m venv --clear --without-pip "$venv" ||
        fail "$python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"
    "$python" -m pip --python "$venv/bin/python" install --quiet pip ||
        fail "$python has no pip to put into $venv. On Debian and Ubuntu: apt-get install python3-venv"
}

# Of pip's hundreds of lines: what takes long.
tell_of_pip='
    /^ +Downloading/ && /\(([0-9][0-9]+|[0-9]+\.[0-9]) [MG]B\)/ {
        size = substr($(NF - 1), 2) + 0
        split($2, part, "-")
        if (size >= 20 || $NF == "GB)") { print "  fetching " part[1] " " part[2] " " $(NF - 1) " " $NF; fflush() }
    }
    /^Building wheels? for/ { print "  building explorer"; fflush() }
    /^Installing collected packages/ { print "  installing " NF - 3 " packages"; fflush() }
'
wanted=$("$(find_python)" -c 'import hashlib; print(hashlib.sha256(open("pyproject.toml", "rb").read()).hexdigest())')

"$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || make_venv "$(find_python)"

if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip --upgrade >/dev/null ||
        fail "There is no pip in $venv, and ensurepip cannot install it."
    say "Installing explorer with all its extras and the tools of its tests into $venv."
    say "The first time this fetches PyTorch (a few GB on Linux) and takes some minutes."
    log=$venv/setup.log
    "$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off --editable ".[all,test]" \
        2>&1 | tee "$log" | awk "$tell_of_pip" >&2 || {
        tail -n 40 "$log" >&2
        fail "pip could not install explorer; all that it said is in $log."
    }
    echo "$wanted" > "$stamp"
fi

"$venv/bin/python" hatch_build.py >&2
