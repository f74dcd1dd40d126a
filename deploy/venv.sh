#!/bin/sh
# Makes .venv from requirements.lock with the first Python that can; says what to install where none can.
set -eu

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

python=
seen=
for candidate in "${1:-python3}" python3 python3.14 python3.13 python3.12 python3.11; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    seen=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done

[ -n "$python" ] || fail \
    "Tandem needs Python 3.11 or newer, and this machine has ${seen:-none}." \
    "Install it (Debian 12, Ubuntu 24.04 or newer, as root: apt-get install python3 python3-venv)," \
    "or name one that you have: make PYTHON=/path/to/python3.12"

"$python" -c 'import venv, ensurepip' 2>/dev/null || fail \
    "Tandem keeps its libraries in .venv, and $python comes without the modules for it (venv, ensurepip)." \
    "Install them (Debian, Ubuntu, as root: apt-get install python3-venv), then type make again."

echo "Installing Tandem's libraries into .venv (once; about a minute) ..."
# one that works is kept, also where .venv leads to another folder's; venv itself refuses a link
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    rm -rf .venv
    "$python" -m venv .venv
fi
.venv/bin/python -m pip --disable-pip-version-check --no-input install --quiet --require-hashes -r requirements.lock ||
    fail "The libraries could not be installed: pip says why above. The first make needs the network; later ones do not."
