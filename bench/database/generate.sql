-- Fills a migrated database with grants and disbursements: psql -v scale=1 -f generate.sql. At scale 1 there are 1,000,000
-- disbursements towards 20,000 grants; at scale 10, ten times as many towards each grant.
--
-- Everything follows from numbers by hashing, so that two machines measure the same. Ids are those that the service
-- would give, a moment and then digits, but the digits count: the flat SQL of the ceiling finds a random grant by its number.
-- Triggers do not run (they would take hours); what they guarantee is made so here, and checked at the end.
\set ON_ERROR_STOP on
set client_min_messages = warning;
set session_replication_role = replica;
set synchronous_commit = off;
set work_mem = '256MB';
set timezone = 'America/Los_Angeles';

create function pg_temp.hash(n bigint, salt int, below bigint) returns bigint language sql immutable
    return (hashint8extended(n, salt) & 9007199254740991) % below;
create function pg_temp.made_id(at bigint, salt int, n bigint) returns uuid language sql immutable
    return (lpad(to_hex(at), 12, '0') || '7' || lpad(to_hex(salt), 3, '0') || '8' || lpad(to_hex(n), 15, '0'))::uuid;
create function pg_temp.id_of(salt int, n bigint) returns uuid language sql immutable
    return pg_temp.made_id(1546300800000 + n, salt, n);
create function pg_temp.milliseconds(at timestamptz) returns bigint language sql immutable
    return (extract(epoch from at) * 1000)::bigint;

-- Writes what a view makes into the table, as far as it has those columns: one that a later migration adds is filled
-- when the view has it.
create procedure pg_temp.fill(target text, made text) language plpgsql as $$
declare
    shared text := (select string_agg(quote_ident(t.attname), ', ' order by t.attnum)
                      from pg_attribute t join pg_attribute m on m.attname = t.attname
                     where t.attrelid = target::regclass and m.attrelid = made::regclass and t.attnum > 0
                       and m.attnum > 0 and t.attidentity = '' and t.attgenerated = '' and not t.attisdropped);
begin
    execute format('insert into %I (%s) select %s from %I', target, shared, shared, made);
end $$;

-- Building an index once is several times faster than keeping it while rows arrive.
create temp table set_aside (place int generated always as identity, again text);
create procedure pg_temp.set_indexes_aside(target regclass) language plpgsql as $$
declare
    one record;
begin
    for one in select conname, pg_get_constraintdef(oid) as definition from pg_constraint
                where conrelid = target and contype = 'u' loop
        insert into set_aside (again) values (format('alter table %s add constraint %I %s', target, one.conname, one.definition));
        execute format('alter table %s drop constraint %I', target, one.conname);
    end loop;
    for one in select indexrelid::regclass as name, pg_get_indexdef(indexrelid) as definition
                 from pg_index where indrelid = target and not indisprimary loop
        insert into set_aside (again) values (one.definition);
        execute format('drop index %s', one.name);
    end loop;
end $$;
create procedure pg_temp.make_indexes() language plpgsql as $$
declare
    one record;
begin
    for one in select again from set_aside order by place loop execute one.again; end loop;
    truncate set_aside;
end $$;

\echo `date +%T` 'Organizations and people ...'
create temp table recipients as
select row_number() over (order by geoid)::int as n, id as city_id, name, 'CITY_GOVERNMENT' as kind
  from cities order by geoid limit 480;
-- One that has 20 disbursements, whatever the scale.
insert into recipients (n, name, kind) values (481, 'The smallest recipient', 'CBO');

insert into organizations (id, name, kind, city_id, fictional, created_at)
select pg_temp.id_of(2, n), case when city_id is null then name else 'City of ' || name || ' (' || n || ')' end, kind,
       city_id, true, '2019-01-02' from recipients;
create temp table persons (n int, name text, email text, role text, organization_id uuid);
insert into persons values (1, 'Grant Manager', 'manager@bench.example', 'GRANT_MANAGER', null),
    (2, 'Approver', 'approver@bench.example', 'APPROVER', null), (3, 'Fiscal Officer', 'officer@bench.example', 'FISCAL_OFFICER', null),
    (4, 'Program Admin', 'admin@bench.example', 'PROGRAM_ADMIN', null);
insert into persons
select 1000 + n, 'Finance ' || n, 'finance' || n || '@bench.example', 'CITY_FINANCE', pg_temp.id_of(2, n) from recipients;
insert into people (id, name, email, organization_id, fictional, created_at)
select pg_temp.id_of(8, n), name, email, organization_id, true, '2019-01-02' from persons;
insert into role_grants (id, person_id, role, organization_id, granted_at)
select pg_temp.id_of(9, n), pg_temp.id_of(8, n), role, organization_id, '2019-01-02' from persons;
-- The secrets open this database only, which listens to this machine only.
insert into access_tokens (id, person_id, role, secret_hash, created_at, expires_at)
select pg_temp.id_of(10, n), pg_temp.id_of(8, n), role, sha256(('thrive_bench_' || n)::bytea), '2019-01-02', '2099-01-01'
  from persons where n <= 4 or n in (1001, 1481);

\echo `date +%T` 'Grants ...'
create temp table programs as
select p.id, p.stream_id, s.place as stream, row_number() over (partition by p.stream_id order by p.id) as place,
       count(*) over (partition by p.stream_id) as programs
  from funding_programs p join (select id, row_number() over (order by id) as place from funding_streams) s on s.id = p.stream_id
 where p.parent_id is null;
-- Few recipients have many grants: the first has some 900, each of the first 80 at least 50.
create temp table made as
select g.n, pg_temp.id_of(1, g.n) as id, g.recipient, r.city_id, p.id as program_id, p.stream_id, g.start, g.start + 1094 as ends,
       case when g.draft then 'DRAFT' when g.start + 1275 < current_date then (array['CLOSED', 'CLOSED', 'CLOSING'])[1 + g.luck % 3]
            when g.luck % 20 = 0 then 'SUSPENDED' else 'ACTIVE' end as status
  from (select n, case when n > 20000 then 481 else 1 + floor(480 * power(((n * 31) % 20000) / 20000.0, 2))::int end as recipient,
               1 + pg_temp.hash(n, 1, 6) as stream, n % 20 = 0 and n <= 20000 as draft, pg_temp.hash(n, 2, 1000000)::int as luck,
               current_date - 100 - pg_temp.hash(n, 3, 2400)::int as start
          from generate_series(1, 20002) n) g
  join recipients r on r.n = g.recipient
  join programs p on p.stream = g.stream and p.place = 1 + g.luck % p.programs;
create unique index on made (n);
analyze made;

\echo `date +%T` 'Disbursements ...'
create temp view counted as
select i, case when n % 20 = 0 then n - 1 else n end as n
  from (select i, (1 + (i * 7919) % 20000)::int as n from generate_series(1::bigint, 1000000 * :scale - 20) i) many
union all
select 1000000 * :scale - 20 + i, 20001 + i::int % 2 from generate_series(1, 20) i;
-- `day` is that of payment, or of the request where it is not paid.
create temp table drawn as
select d.i, d.n, g.id as grant_id, g.recipient, g.stream_id, d.kind, d.amount, d.status, at.day,
       (case when d.status = 'PAID' then at.day - 20 else at.day end + time '09:00' + d.i % 3600 * interval '1 second')::timestamptz as requested_at
  from (select c.i, c.n, (array['REIMBURSEMENT', 'REIMBURSEMENT', 'REIMBURSEMENT', 'MILESTONE'])[1 + pg_temp.hash(c.i, 4, 4)] as kind,
               (1000 + pg_temp.hash(c.i, 5, 9000000)) / 100.0 as amount, open and luck < 100 as live,
               case when open and luck < 30 then 'REQUESTED' when open and luck < 70 then 'APPROVED'
                    when open and luck < 80 then 'SCHEDULED' when open and luck < 100 then 'RETURNED'
                    when luck > 990 then 'CANCELLED' when luck > 970 then 'REJECTED' else 'PAID' end as status
          from counted c join made using (n)
         cross join lateral (select made.status = 'ACTIVE' and c.n <= 20000 as open, pg_temp.hash(c.i, 6, 1000) as luck) l) d
  join made g on g.n = d.n
 cross join lateral (select case when d.live then current_date - 2 - pg_temp.hash(d.i, 9, 30)::int
                                 else g.start + 30 + pg_temp.hash(d.i, 7, least(g.ends + 120, current_date - 1) - g.start - 30)::int
                            end as day) at;
create temp view made_disbursements as
select pg_temp.made_id(pg_temp.milliseconds(requested_at), 3, i) as id, d.grant_id, status, kind, amount, 'I-' || i as invoice_number,
       day - 60 as period_start, day - 30 as period_end, pg_temp.id_of(8, 1000 + recipient) as requested_by, requested_at,
       approved.by as approved_by, approved.at as approved_at, case when approved.by is not null then amount end as approved_amount,
       case status when 'SCHEDULED' then current_date + 5 end as scheduled_for,
       paid.by as paid_by, paid.on_day as paid_on, paid.method, 'R-' || i as reference,
       case when status in ('RETURNED', 'REJECTED', 'CANCELLED') then 'For measuring' end as reason,
       case status when 'REQUESTED' then 1 when 'PAID' then 3 else 2 end as revision,
       coalesce(paid.on_day + time '15:00', approved.at, requested_at) as updated_at,
       pg_temp.id_of(2, recipient) as recipient_id, stream_id
  from drawn d
  left join lateral (select pg_temp.id_of(8, 2) as by, (case when status = 'PAID' then day - 10 else day end + time '16:00')::timestamptz as at
                      where status in ('APPROVED', 'SCHEDULED', 'PAID')) approved on true
  left join lateral (select pg_temp.id_of(8, 3) as by, day as on_day, (array['WARRANT', 'ACH', 'WIRE'])[1 + pg_temp.hash(i, 8, 3)] as method
                      where status = 'PAID') paid on true
 -- As they would have come in: the rows of a grant lie far apart.
 order by requested_at, i;
call pg_temp.set_indexes_aside('disbursements');
call pg_temp.fill('disbursements', 'made_disbursements');
call pg_temp.make_indexes();

create temp table sums as
select n, sum(amount) filter (where status in ('PAID', 'REQUESTED', 'APPROVED', 'SCHEDULED')) as drawn from drawn group by n;
create temp view made_grants as
select g.id, 'B-' || g.n as number, 'Grant ' || g.n || ' for works in the neighborhood' as title, g.status, g.program_id,
       pg_temp.id_of(2, g.recipient) as recipient_id, g.stream_id,
       coalesce(ceil(s.drawn * (110 + pg_temp.hash(g.n, 10, 50)) / 100000) * 1000, 100000) as amount,
       g.start as performance_start, g.ends as performance_end, g.start + 180 as encumber_by, g.ends + 180 as liquidate_by,
       g.ends + 90 as final_invoice_by, pg_temp.id_of(8, 1) as drafted_by, awarded.by as awarded_by, awarded.at as awarded_at,
       case when awarded.by is not null then g.start end as signed_on,
       case when awarded.by is not null then (select r.id from rule_sets r where r.program_id = g.program_id and r.effective_from <= g.start
                                               order by r.effective_from desc limit 1) end as rule_set_id,
       g.start - interval '30 days' as created_at,
       g.start - interval '1 day' as updated_at, case g.status when 'CLOSED' then g.ends + 181 end as ended_on,
       case g.status when 'CLOSING' then g.ends + 181 end as closing_since
  from made g left join sums s using (n)
  left join lateral (select pg_temp.id_of(8, 2) as by, g.start - interval '1 day' as at where g.status <> 'DRAFT') awarded on true
 order by g.n;
call pg_temp.fill('grants', 'made_grants');
-- A fifth of them is for the good of a second city as well.
insert into grant_cities (grant_id, city_id, share_bp)
select m.id, coalesce(m.city_id, first.city_id), case when m.n % 5 = 0 then 6000 else 10000 end from made m cross join (select city_id from recipients where n = 7) first
union all
select m.id, r.city_id, 4000 from made m join recipients r on r.n = 1 + (m.recipient + 239) % 480
 where m.n % 5 = 0;
insert into grant_action_areas (grant_id, action_area, share_bp)
select id, (array['YOUTH_DEVELOPMENT', 'PROTECTIVE_ENVIRONMENTS', 'MENTAL_HEALTH_WELLNESS'])[1 + n % 3], 10000 from made;
insert into budget_lines (id, grant_id, category, title, amount, position, created_at)
select pg_temp.id_of(11, m.n), g.id, 'CONTRACTUAL', 'Costs of the works', g.amount, 1, g.created_at
  from made m join grants g on g.id = m.id;

\echo `date +%T` 'Deadlines ...'
create temp view made_deadlines as
select pg_temp.id_of(7, i) as id, (array['PROGRESS_REPORT', 'FINANCIAL_REPORT', 'INVOICE', 'CLOSEOUT'])[1 + i % 4] as kind,
       'Requirement ' || i as title, g.id as grant_id, due_on, case when open then 'OPEN' else 'COMPLETED' end as status,
       case when not open then due_on::timestamptz end as settled_at, pg_temp.id_of(2, g.recipient) as recipient_id,
       now() as created_at, now() as updated_at, g.recipient
  from (select i, 1 + (i * 104729) % 20000 as n, day as due_on, pg_temp.hash(i, 21, 100) < case when day < current_date - 30 then 5 else 75 end as open
          from generate_series(1::bigint, 100000) i
         cross join lateral (select current_date - 900 + pg_temp.hash(i, 20, 1800)::int as day) d) drawn
  join made g using (n) order by i;
call pg_temp.fill('deadlines', 'made_deadlines');
insert into deadline_people (deadline_id, person_id)
select id, pg_temp.id_of(8, 1000 + recipient) from made_deadlines;

\ir generate_ledger.sql

\echo `date +%T` 'Statistics ...'
set session_replication_role = origin;
vacuum (analyze, freeze);
checkpoint;
