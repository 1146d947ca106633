#!/usr/bin/env bash
# A PostgreSQL of its own with the database that is measured; below target/bench-data, kept for the next time.
#   bench/database.sh start [scale]   makes it where it is absent (minutes), starts it, prints what to connect to
#   bench/database.sh stop [scale]
# Environment: THRIVE is the program that migrates, BENCH_DATA another directory, BENCH_PORT the port on 127.0.0.1.
set -euo pipefail
cd "$(dirname "$0")/.."

action=${1-} scale=${2:-1}
target=${CARGO_TARGET_DIR:-target}
thrive=${THRIVE:-$target/release/thrive}
bin=$(tests/tools/postgres.sh)
mkdir -p "${BENCH_DATA:=$target/bench-data}"
home=$(cd "$BENCH_DATA" && pwd)/$scale
port=$((${BENCH_PORT:-54390} + scale))
fail() { echo "database.sh: $*" >&2; exit 1; }

# PostgreSQL does not run as root.
user=$(id -un)
if [ "$user" = root ]; then user=nobody; ! id -u postgres > /dev/null 2>&1 || user=postgres; fi
as_server() { if [ "$(id -un)" = "$user" ]; then "$@"; else setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"; fi; }
server() { (cd / && as_server "$bin/pg_ctl" -D "$home/data" -w -s "$@"); }
start() { server -l "$home/server.log" -t 300 -o "-p $port -k '$home' $*" start || fail "PostgreSQL did not start: see $home/server.log"; }
sql() { "$bin/psql" -qAt -v ON_ERROR_STOP=1 -h "$home" -p "$port" -U postgres "$@"; }
# Every program here takes a directory for the host, so that all go by the same way.
url() { echo "postgres://$1@localhost:$port/${2:-thrive}?host=$home"; }

# Another schema or another way of making it is another database.
made_of=$(cat migrations/*.sql bench/database/* | cksum)
is_made() { [ "$(cat "$home/ready" 2> /dev/null)" = "$made_of" ]; }

make() {
    [ -x "$thrive" ] || fail "there is no $thrive: run \`cargo build --release\`"
    rm -rf "$home"
    mkdir "$home"
    [ "$(id -un)" = "$user" ] || chown "$user" "$home"
    (cd / && as_server test -w "$home") || fail "$user cannot reach $home: name another directory in BENCH_DATA"
    [ ${#home} -lt 90 ] || fail "$home is too long for a socket: name a shorter directory in BENCH_DATA"
    (cd / && as_server "$bin/initdb" -D "$home/data" -U postgres --auth=trust -E UTF8 --locale=C > "$home/initdb.log")
    cat bench/database/postgresql.conf >> "$home/data/postgresql.conf"
    start -c fsync=off -c full_page_writes=off -c autovacuum=off -c max_wal_size=8GB
    sql -d postgres -c "create role thrive_owner login createrole" -c "create role thrive_app login" -c "create database thrive owner thrive_owner"
    "$thrive" --log warn migrate --database-url "$(url thrive_owner)" > "$home/migrate.log" || fail "see $home/migrate.log"
    sql -d thrive -v scale="$scale" -f bench/database/generate.sql
    server stop
    echo "$made_of" > "$home/ready"
}

case $action in
    start)
        running=0
        ! server status > /dev/null 2>&1 || running=1
        if ! is_made; then
            [ $running = 0 ] || server -m immediate stop
            echo "Making the database of scale $scale ..." >&2
            make >&2
            running=0
        fi
        [ $running = 1 ] || start > /dev/null
        echo "SOCKET=$home PORT=$port BIN=$bin POSTMASTER=$(head -n 1 "$home/data/postmaster.pid") URL=$(url thrive_app)" | tr ' ' '\n'
        ;;
    stop) ! server status > /dev/null 2>&1 || server -m fast stop ;;
    *) fail "say start or stop" ;;
esac
