#!/usr/bin/env bash
# Writes .sqlx, what the compiler knows of the database when there is none to ask; with
# --check, compares instead. Runs a PostgreSQL of its own, which it removes again.
set -euo pipefail
cd "$(dirname "$0")/../.."

bin=$(tests/tools/postgres.sh)
work=$(mktemp -d)
server() { if [ "$(id -u)" = 0 ]; then setpriv --reuid="$user" --regid="$user" --clear-groups "$@"; else "$@"; fi; }
user=nobody
id -u postgres > /dev/null 2>&1 && user=postgres
if [ "$(id -u)" = 0 ]; then chown "$user" "$work"; fi
cleanup() {
    (cd "$work" && server "$bin/pg_ctl" -D "$work/data" -m immediate -w stop > /dev/null 2>&1) || true
    rm -rf "$work"
}
trap cleanup EXIT

cd "$work"
server "$bin/initdb" -D "$work/data" -U postgres --auth=trust -E UTF8 --locale=C > "$work/log" || { cat "$work/log"; exit 1; }
server "$bin/pg_ctl" -D "$work/data" -l "$work/server.log" -w -o "-k '$work' -c listen_addresses='' -c fsync=off" start > /dev/null
cd "$OLDPWD"
ask() { "$bin/psql" -q -h "$work" -v ON_ERROR_STOP=1 "$@"; }
ask -U postgres -c "create role thrive_owner login createrole" -c "create role thrive_app login" \
    -c "create database thrive owner thrive_owner"
for migration in migrations/*.sql; do ask -U thrive_owner -d thrive -1 -f "$migration"; done

out=$PWD/.sqlx
[ "${1-}" = --check ] && out=$work/sqlx && mkdir "$out" && chmod 755 "$work"
[ "${1-}" = --check ] || { rm -rf "$out"; mkdir "$out"; }
# The macros write what they learn when they run, so they have to run again.
touch src/lib.rs
SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$out DATABASE_URL="postgres://thrive_owner@localhost/thrive?host=$work" \
    cargo check --quiet --all-targets
touch src/lib.rs
if [ "${1-}" = --check ]; then
    diff -rq .sqlx "$out" || { echo "the committed .sqlx is not what the code needs: run \`make sqlx\`"; exit 1; }
    echo "ok  .sqlx is what the code needs ($(find .sqlx -name '*.json' | wc -l) statements)"
fi
