-- Every peer reads the totals here, as Thrive does from the same sums. Made anew before each run.
create or replace view bench_totals as
select stream_id, year as fiscal_year, coalesce(-sum(net) filter (where kind = 'SRC_PAY'), 0) as awarded,
       coalesce(sum(net) filter (where kind = 'PAID'), 0) as disbursed,
       coalesce(sum(sum(net) filter (where kind = 'AVAILABLE')) over (partition by stream_id order by year), 0) as available_to_disburse
  from (select p.stream_id, a.kind, extract(year from m.month - interval '6 months')::int as year, sum(m.amount_in - m.amount_out) as net
          from ledger_accounts a
          join ledger_months m on m.account_id = a.id
          join grants g on g.id = a.grant_id
          join funding_programs p on p.id = g.program_id
         where a.kind in ('SRC_PAY', 'PAID', 'AVAILABLE')
         group by 1, 2, 3) moved
 group by 1, 2;
comment on view bench_totals is E'@primaryKey stream_id,fiscal_year\n@foreignKey (stream_id) references funding_streams (id)';
grant select on bench_totals to thrive_app;
