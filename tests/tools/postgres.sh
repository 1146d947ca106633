#!/usr/bin/env bash
# Prints the directory of PostgreSQL's programs; installs PostgreSQL first where it is absent and that is possible.
set -euo pipefail

find_bin() {
    local dir
    for dir in "${POSTGRES_BIN_DIR-}" $(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin 2> /dev/null | sort -rV) \
        $(ls -d /opt/homebrew/opt/postgresql@*/bin /usr/local/opt/postgresql@*/bin 2> /dev/null | sort -rV) \
        "$(dirname "$(command -v initdb || echo /nowhere/initdb)")"; do
        if [ -n "$dir" ] && [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && [ -x "$dir/pg_ctl" ]; then
            echo "$dir"
            return 0
        fi
    done
    return 1
}

find_bin && exit 0
as_root=""
[ "$(id -u)" = 0 ] || as_root="sudo -n"
if command -v apt-get > /dev/null && { [ -z "$as_root" ] || sudo -n true 2> /dev/null; }; then
    echo "Installing PostgreSQL by apt-get ..." >&2
    # Only the programs are wanted, not a server of the system's own.
    $as_root mkdir -p /etc/postgresql-common
    echo "create_main_cluster = false" | $as_root tee /etc/postgresql-common/createcluster.conf > /dev/null
    { $as_root apt-get update -q && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -qy --no-install-recommends postgresql; } >&2
elif command -v brew > /dev/null; then
    echo "Installing PostgreSQL by Homebrew ..." >&2
    brew install postgresql@17 >&2
else
    echo "PostgreSQL 15 or newer is needed and may not be installed from here. Install it by" >&2
    echo "    sudo apt-get install postgresql      (Debian, Ubuntu)" >&2
    echo "    brew install postgresql@17           (macOS)" >&2
    echo "or name the directory of its programs in POSTGRES_BIN_DIR." >&2
    exit 1
fi
find_bin
