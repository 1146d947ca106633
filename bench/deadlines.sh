#!/usr/bin/env bash
# Measures how long the job deadline_schedule takes for many grants: from nothing, when nothing changed, and after
# new holidays moved their reports; beside PostgreSQL alone writing the same rows. See bench/README.md.
set -euo pipefail
TIMEFORMAT='real %1R'
cd "$(dirname "$0")/.."

grants=${GRANTS:-100000}
bin=$(tests/tools/postgres.sh)
echo "Building the release ..." >&2
cargo build --quiet --release
thrive=${CARGO_TARGET_DIR:-target}/release/thrive
work=$(mktemp -d)
chmod 755 "$work"
"$thrive" serve --log warn --parts api --data-dir "$work" --listen "127.0.0.1:${PORT:-8472}" > "$work/out" 2>&1 &
service=$!
trap 'kill -INT $service 2> /dev/null; wait $service 2> /dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 600); do curl -sf "http://127.0.0.1:${PORT:-8472}/health/ready" > /dev/null && break; kill -0 $service; sleep 0.1; done
pid_file=$(ls "$work/postgres/pgdata/postmaster.pid" 2> /dev/null || echo "$(tail -n 1 "$work/postgres-location.txt")/pgdata/postmaster.pid")
socket=$(sed -n 5p "$pid_file")
sql() { "$bin/psql" -qAt -v ON_ERROR_STOP=1 -h "$socket" -U thrive_owner -d thrive "$@"; }

echo "Making $grants grants ..." >&2
"$thrive" rules import bench/deadlines.toml --data-dir "$work" > /dev/null
sql -v grants="$grants" << 'SQL'
insert into organizations (id, name, kind, fictional, created_at)
select gen_random_uuid(), 'Recipient ' || n, 'CBO', true, now() from generate_series(1, 1000) n;
insert into people (id, name, email, organization_id, fictional, created_at)
select gen_random_uuid(), 'Finance of ' || name, replace(lower(name), ' ', '.') || '@bench.example', id, true, now()
  from organizations;
insert into people (id, name, email, fictional, created_at)
values (gen_random_uuid(), 'Drafter', 'drafter@bench.example', true, now()),
       (gen_random_uuid(), 'Approver', 'approver@bench.example', true, now());
insert into role_grants (id, person_id, role, organization_id, granted_at)
select gen_random_uuid(), id, 'CITY_FINANCE', organization_id, now() from people where organization_id is not null;
begin;
create temp table made as
with recipients as (select id, row_number() over (order by id) as place from organizations),
     places as (select id, row_number() over (order by id) as place from cities)
select gen_random_uuid() as id, n, date '2025-07-01' + (n % 365) as start, r.id as recipient, c.id as city
  from generate_series(1, :grants) n
  join recipients r on r.place = n % 1000 + 1
  join places c on c.place = n % 400 + 1;
insert into grants (id, number, title, status, program_id, recipient_id, amount, performance_start, performance_end,
                    encumber_by, final_invoice_by, drafted_by, awarded_by, awarded_at, signed_on, rule_set_id,
                    created_at, updated_at)
select m.id, 'B-' || n, 'Bench ' || n, 'ACTIVE', s.program_id, recipient, 100000, start, start + 729, start + 180,
       start + 790, (select id from people where email = 'drafter@bench.example'),
       (select id from people where email = 'approver@bench.example'), now(), start, s.id, now(), now()
  from made m, rule_sets s join funding_programs p on p.id = s.program_id where p.code = 'BENCH';
insert into grant_cities (grant_id, city_id, share_bp) select id, city, 10000 from made;
insert into grant_action_areas (grant_id, action_area, share_bp) select id, 'YOUTH_DEVELOPMENT', 10000 from made;
commit;
vacuum analyze grants, grant_cities, grant_action_areas, organizations, people, role_grants;
SQL

echo "| run | seconds | peak MB | what it says |"
echo "| --- | --- | --- | --- |"
run() { # label
    local begun=$EPOCHREALTIME most=0 now job
    "$thrive" job deadline_schedule --log warn --data-dir "$work" > "$work/said" &
    job=$!
    while now=$(awk '/^VmHWM/ { print $2 }' "/proc/$job/status" 2> /dev/null) && [ -n "$now" ]; do most=$now; sleep 0.1; done
    wait $job
    seconds=$(awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
    echo "| $1 | $seconds | $((most / 1024)) | $(sed 's/^deadline_schedule for [0-9-]*: //; q' "$work/said") |"
}

run "from nothing"
first=$seconds
run "nothing changed"
node -e '
const days = [];
for (let year = 2025; year <= 2029; year++) for (const day of ["01-30", "04-30", "07-30", "10-30"]) days.push(`${year}-${day}`);
console.log(`code = "CALIFORNIA"\nname = "For measuring"\nsource = "None"\n` +
  days.map((day) => `[[holidays]]\nday = "${day}"\nname = "Nothing is due"\n`).join(""));
' > "$work/holidays.toml"
"$thrive" holidays import "$work/holidays.toml" --data-dir "$work" > /dev/null
run "reports moved by holidays"

# The same rows, with the same indexes and references, by one statement and without rules.
flat=$( { time sql << 'SQL'
create table flat_deadlines (like deadlines including all);
alter table flat_deadlines add foreign key (grant_id) references grants, add foreign key (rule_id) references rules,
    add foreign key (kind) references deadline_kinds;
create table flat_people (like deadline_people including all);
alter table flat_people add foreign key (deadline_id) references flat_deadlines, add foreign key (person_id) references people;
insert into flat_deadlines select * from deadlines order by id;
insert into flat_people select * from deadline_people;
SQL
} 2>&1 | sed -n 's/^real //p')
echo
echo "PostgreSQL alone, the same $(sql -c 'select count(*) from deadlines') deadlines and $(sql -c 'select count(*) from deadline_people') people by one statement each: $flat s; ratio of the run from nothing: $(awk -v a="$first" -v b="$flat" 'BEGIN { printf "%.2f", a / b }')"
