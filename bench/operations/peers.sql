-- What the peers need beside the tables, made anew before each run: the totals by stream and fiscal year, from the sums that Thrive
-- reads, and for PostGraphile the key of the indexes by day of payment, which it does not find by itself.
drop view if exists bench_totals;
create view bench_totals as
select p.stream_id, t.fiscal_year, (sum(t.awarded) / 100.0)::numeric(20, 2) as awarded,
       (sum(t.disbursed) / 100.0)::numeric(20, 2) as disbursed,
       (sum(sum(t.available)) over (partition by p.stream_id order by t.fiscal_year) / 100.0)::numeric(20, 2) as available_to_disburse
  from funding_totals_now t join funding_programs p on p.id = t.program_id
 where t.fiscal_year is not null
 group by p.stream_id, t.fiscal_year;
comment on view bench_totals is E'@primaryKey stream_id,fiscal_year\n@foreignKey (stream_id) references funding_streams (id)';
grant select on bench_totals to thrive_app;

create or replace function disbursements_paid_day(paid disbursements) returns date language sql immutable
    return coalesce(paid.paid_on, '-infinity'::date);
comment on function disbursements_paid_day is E'@behavior +orderBy +filterBy +proc:orderBy +proc:filterBy';
