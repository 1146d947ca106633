#!/usr/bin/env bash
# Measures three questions of every day on the demo data, side by side with PostgreSQL answering
# the same rows as flat SQL: rounds in turn, medians, ratios. See bench/README.md.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${SECONDS_EACH:-4}
rounds=${ROUNDS:-3}
connections=${CONNECTIONS:-16}
bin=$(tests/tools/postgres.sh)
echo "Building the release ..." >&2
cargo build --quiet --release
thrive=${CARGO_TARGET_DIR:-target}/release/thrive
work=$(mktemp -d)
chmod 755 "$work"
"$thrive" demo --log warn --requests-per-minute 0 --cost-per-minute 0 --data-dir "$work" --listen "127.0.0.1:${PORT:-8471}" > "$work/out" 2>&1 &
service=$!
trap 'kill -INT $service 2> /dev/null; wait $service 2> /dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 600); do grep -q 'Ctrl-C ends it' "$work/out" && break; kill -0 $service; sleep 0.1; done
. "$work/demo.env"
pid_file=$(ls "$work/postgres/pgdata/postmaster.pid" 2> /dev/null || echo "$(tail -n 1 "$work/postgres-location.txt")/pgdata/postmaster.pid")
socket=$(sed -n 5p "$pid_file")

declare -A query sql
query[grant]='{ grants(first: 1) { nodes { number title status amount } } }'
sql[grant]='select number, title, status, amount from grants order by id desc limit 1;'
query[nested]='{ grants(first: 50) { nodes { number status stream { code } recipient { name } cities { city { name } } balance { awarded availableToDisburse } disbursements(first: 5) { nodes { amount status } } } } }'
sql[nested]='select g.number, g.status, o.name, d.amount, d.status from (select * from grants order by id desc limit 50) g join organizations o on o.id = g.recipient_id left join lateral (select amount, status from disbursements where grant_id = g.id order by id desc limit 5) d on true;'
query[page]='{ disbursements(first: 100, filter: { streams: [PROP_64] }, orderBy: { field: PAID_ON, direction: DESC }) { nodes { amount status paidOn invoiceNumber } } }'
sql[page]="select d.amount, d.status, d.paid_on, d.invoice_number from disbursements d join grants g on g.id = d.grant_id join funding_programs p on p.id = g.program_id join funding_streams s on s.id = p.stream_id where s.code = 'PROP_64' order by d.paid_on desc nulls last, d.id desc limit 100;"

for name in grant nested page; do
    echo "${sql[$name]}" > "$work/$name.sql"
    for _ in $(seq "$rounds"); do
        node bench/load.mjs "$THRIVE_URL/graphql" "$TOKEN_GRANT_MANAGER" "$seconds" "$connections" "${query[$name]}" >> "$work/$name.thrive"
        "$bin/pgbench" -n -M prepared -c "$connections" -j 2 -T "$seconds" -f "$work/$name.sql" -h "$socket" -U thrive_app thrive 2> /dev/null |
            awk '/^tps/ { print $3 }' >> "$work/$name.pgbench"
    done
done
memory=$(ps -o rss= -p $service)
node -e '
const fs = require("fs"), [work, memory] = process.argv.slice(1);
const median = (numbers) => numbers.sort((one, other) => one - other)[Math.floor(numbers.length / 2)];
const lines = (file) => fs.readFileSync(`${work}/${file}`, "utf8").trim().split("\n");
console.log("| question | requests/s | p50 ms | p99 ms | pgbench, flat SQL /s | ratio |");
console.log("| --- | --- | --- | --- | --- | --- |");
for (const name of ["grant", "nested", "page"]) {
  const runs = lines(`${name}.thrive`).map(JSON.parse);
  const ceiling = median(lines(`${name}.pgbench`).map(Number)), rate = median(runs.map((run) => run.perSecond));
  const figure = (key) => median(runs.map((run) => run[key])).toFixed(1);
  console.log(`| ${name} | ${rate.toFixed(0)} | ${figure("p50")} | ${figure("p99")} | ${ceiling.toFixed(0)} | ${(rate / ceiling).toFixed(3)} |`);
}
console.log(`\nResident memory of the service afterwards: ${(memory / 1024).toFixed(0)} MB`);
' "$work" "$memory"
