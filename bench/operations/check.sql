-- After payments: how many there are of today, and how much disagrees with them. One JSON line.
with paid as (
    select d.* from disbursements d where d.status = 'PAID' and d.paid_on = (now() at time zone 'America/Los_Angeles')::date
), touched as (
    select distinct grant_id from paid
), moved as (
    select id, date_trunc('month', effective_on)::date as month, sum(amount_in) as amount_in, sum(amount_out) as amount_out
      from (select a.id, t.effective_on, t.amount as amount_in, null as amount_out
              from touched join ledger_accounts a using (grant_id) join ledger_transfers t on t.to_account = a.id
             union all
            select a.id, t.effective_on, null, t.amount
              from touched join ledger_accounts a using (grant_id) join ledger_transfers t on t.from_account = a.id) of_both
     group by id, month
), wrong as (
    select 'payments without their entries' as what, count(*) as times from paid
     where approved_amount is distinct from (select sum(t.amount) from disbursement_events e join ledger_transfers t on t.cause_id = e.id
                                              where e.disbursement_id = paid.id and t.kind = 'PAY' and t.from_kind = 'APPROVED')
    union all
    select 'payments without one event in the feed', count(*) from paid
     where 1 <> (select count(*) from disbursement_events e join disbursement_feed f on f.event_id = e.id where e.disbursement_id = paid.id and e.status = 'PAID')
    union all
    select 'payments without their line in the log', count(*) from paid
     where 1 <> (select count(*) from audit_entries a where a.object_id = paid.id and a.table_name = 'disbursements' and a.change = 'CHANGED')
    union all
    select 'balances', count(*)
      from touched join ledger_accounts a using (grant_id)
      left join (select id, sum(coalesce(amount_in, 0) - coalesce(amount_out, 0)) as balance from moved group by id) m using (id)
     where a.balance <> coalesce(m.balance, 0)
    union all
    select 'months', count(*)
      from (select m.* from ledger_months m join ledger_accounts a on a.id = m.account_id join touched using (grant_id)) m
      full join moved on (moved.id, moved.month) = (m.account_id, m.month)
     where (coalesce(moved.amount_in, 0), coalesce(moved.amount_out, 0)) is distinct from (m.amount_in, m.amount_out)
    union all
    select 'grants whose accounts do not sum to zero', count(*)
      from (select from touched join ledger_accounts a using (grant_id) where a.kind <> 'MATCH_MET' group by grant_id having sum(balance) <> 0) x
    union all
    select 'grants whose accounts are not what was awarded', count(*) from touched join grants g on g.id = grant_id
     where g.amount <> all (select -balance from ledger_accounts a where a.grant_id = g.id and a.kind in ('SRC_PAY', 'SRC_USE'))
        or g.amount <> (select sum(amount) from budget_lines l where l.grant_id = g.id)
)
select jsonb_object_agg(what, times) || jsonb_build_object('paid', (select count(*) from paid)) from wrong;
