-- The entries of all that generate.sql made, the balances and the months they add up to. What is paid is entered once for each grant
-- and month, not for each disbursement: accounts and months are as many, and sum to the same, as if it had been.
\echo `date +%T` 'Ledger ...'
create temp table kinds (kind text primary key, place int, of_line bool);
insert into kinds values ('SRC_PAY', 1, false), ('AVAILABLE', 2, false), ('REQUESTED', 3, false), ('APPROVED', 4, false),
    ('PAID', 5, false), ('LAPSED', 6, false), ('SRC_USE', 7, false), ('UNOBLIGATED', 8, true), ('UNCLAIMED', 9, true),
    ('CLAIM_PENDING', 10, true), ('CLAIMED', 11, true), ('LAPSED_USE', 12, false);

-- How far each disbursement, or month of payments, got, and when.
create temp table steps as
select n, i, requested_at, null::int as month, amount, day, status in ('APPROVED', 'SCHEDULED') as approved, false as paid
  from drawn where status in ('REQUESTED', 'APPROVED', 'SCHEDULED')
union all
select n, null, null, extract(year from day)::int * 12 + extract(month from day)::int, sum(amount), max(day), true, true
  from drawn where status = 'PAID' group by 1, 4;

insert into disbursement_events (id, disbursement_id, status, person_id, occurred_at)
select pg_temp.made_id(pg_temp.milliseconds(s.requested_at), e.salt, s.i), d.id, e.status, e.person, e.at
  from steps s
  join disbursements d on d.id = pg_temp.made_id(pg_temp.milliseconds(s.requested_at), 3, s.i)
 cross join lateral (values (5, 'REQUESTED', d.requested_by, d.requested_at), (6, 'APPROVED', d.approved_by, d.approved_at)) e (salt, status, person, at)
 where s.i is not null and e.at is not null;
insert into disbursement_lines (disbursement_id, submission, line_id, amount, approved_amount, new_costs)
select e.disbursement_id, 1, pg_temp.id_of(11, s.n), s.amount, case when s.approved then s.amount end, s.amount
  from steps s join disbursement_events e
    on e.id = pg_temp.made_id(pg_temp.milliseconds(s.requested_at), 5, s.i);

create temp table moves as
select s.n, m.kind, m.from_kind, m.to_kind, s.amount, s.day,
       case when s.i is null then pg_temp.made_id(s.month, 12, s.n)
            else pg_temp.made_id(pg_temp.milliseconds(s.requested_at),
                                 case m.kind when 'APPROVE' then 6 else 5 end, s.i) end as cause
  from steps s
  join (values ('EXPEND', 'UNOBLIGATED', 'UNCLAIMED', 1), ('REQUEST', 'AVAILABLE', 'REQUESTED', 1),
               ('REQUEST', 'UNCLAIMED', 'CLAIM_PENDING', 1), ('APPROVE', 'REQUESTED', 'APPROVED', 2),
               ('PAY', 'APPROVED', 'PAID', 3), ('PAY', 'CLAIM_PENDING', 'CLAIMED', 3)) m (kind, from_kind, to_kind, step)
    on m.step <= case when s.paid then 3 when s.approved then 2 else 1 end
union all
select m.n, 'AWARD', a.from_kind, a.to_kind, g.amount, m.start - 1, g.id
  from made m join grants g on g.id = m.id
 cross join (values ('SRC_PAY', 'AVAILABLE'), ('SRC_USE', 'UNOBLIGATED')) a (from_kind, to_kind)
 where m.status <> 'DRAFT'
union all
select m.n, 'LAPSE', a.from_kind, a.to_kind, g.amount - coalesce(s.drawn, 0), m.ends + 181, g.id
  from made m join grants g on g.id = m.id left join sums s using (n)
 cross join (values ('AVAILABLE', 'LAPSED'), ('UNOBLIGATED', 'LAPSED_USE')) a (from_kind, to_kind)
 where m.status = 'CLOSED' and g.amount > coalesce(s.drawn, 0);

insert into ledger_accounts (id, grant_id, kind, item_id, balance, last_recorded_at)
select pg_temp.made_id(k.place, 13, sided.n), pg_temp.id_of(1, sided.n), sided.kind, case when k.of_line then pg_temp.id_of(11, sided.n) end,
       sum(sided.amount), max(sided.day + time '17:00')
  from (select n, to_kind as kind, amount, day from moves union all select n, from_kind, -amount, day from moves) sided
  join kinds k using (kind) group by sided.n, sided.kind, k.place, k.of_line;
insert into ledger_months (account_id, month, amount_in, amount_out)
select pg_temp.made_id(k.place, 13, sided.n), sided.month, sum(sided.amount_in), sum(sided.amount_out)
  from (select n, to_kind as kind, date_trunc('month', day)::date as month, amount as amount_in, 0 as amount_out from moves
        union all select n, from_kind, date_trunc('month', day)::date, 0, amount from moves) sided
  join kinds k using (kind) group by k.place, sided.n, sided.month;
call pg_temp.set_indexes_aside('ledger_transfers');
insert into ledger_transfers (id, from_account, to_account, from_kind, to_kind, amount, kind, cause_id, effective_on, recorded_at)
select pg_temp.made_id(pg_temp.milliseconds(m.day + time '17:00'), 14, row_number() over (order by m.day)),
       pg_temp.made_id(f.place, 13, m.n), pg_temp.made_id(t.place, 13, m.n), m.from_kind, m.to_kind, m.amount, m.kind, m.cause,
       m.day, m.day + time '17:00'
  from moves m join kinds f on f.kind = m.from_kind join kinds t on t.kind = m.to_kind order by m.day;
call pg_temp.make_indexes();

-- The sums that are kept beside the ledger.
select fill_funding_totals();

-- What the triggers would have refused.
do $$
begin
    if exists (select from ledger_accounts where balance < 0 and kind not like 'SRC%') then raise 'an account is overdrawn'; end if;
    if exists (select from ledger_accounts group by grant_id having sum(balance) <> 0) then raise 'a grant does not sum to zero'; end if;
    perform check_disbursements(id) from made where n % 100 = 1;
    if exists (select from ledger_accounts a join ledger_months m on m.account_id = a.id
                group by a.id having sum(m.amount_in - m.amount_out) <> a.balance) then raise 'months and balances differ'; end if;
end $$;
