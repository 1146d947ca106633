#!/usr/bin/env bash
# Installs what the benchmark needs beside PostgreSQL: wrk, and with the argument `peers` the servers it compares with.
set -euo pipefail
cd "$(dirname "$0")"

../tests/tools/postgres.sh > /dev/null
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
package() { # program, package
    command -v "$1" > /dev/null && return
    if command -v apt-get > /dev/null && { [ -z "$as_root" ] || sudo -n true 2> /dev/null; }; then
        echo "Installing $2 by apt-get ..." >&2
        { $as_root apt-get update -q && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -qy --no-install-recommends "$2"; } >&2
    elif command -v brew > /dev/null; then
        brew install "$2" >&2
    else
        echo "$1 is needed and may not be installed from here: sudo apt-get install $2 (Debian, Ubuntu), brew install $2 (macOS)" >&2
        exit 1
    fi
}
package python3 python3
package wrk wrk
[ "$(uname -s)" = Linux ] || { echo "The CPU of each process is read from /proc, which only Linux has" >&2; exit 1; }
[ "${1-}" = peers ] || exit 0
if ! cmp -s peers/package-lock.json peers/node_modules/installed.json; then
    ../tests/tools/node.sh
    echo "Installing the peers of bench/peers/package.json ..." >&2
    # npm may be of an older Node than the one that comes with the packages and runs them.
    (cd peers && npm ci --silent --no-fund --no-audit --ignore-scripts)
    cp peers/package-lock.json peers/node_modules/installed.json
fi
