-- Grants that were awarded before budgets and costs were kept: one line of everything, the costs that their
-- disbursements told of, and the room for advances that the ledger had not counted. Each entry of the pay chain is
-- followed by what goes with it, on its day and by its event.
insert into budget_lines (id, grant_id, category, title, amount, position, created_at)
select gen_random_uuid(), g.id, 'OTHER', 'Whole award', g.amount, 1, g.created_at
  from grants g where not exists (select from budget_lines l where l.grant_id = g.id);

insert into disbursement_lines (disbursement_id, submission, line_id, amount, approved_amount, new_costs)
select d.id, d.submission, l.id, d.amount, d.approved_amount, d.amount
  from disbursements d join budget_lines l on l.grant_id = d.grant_id
 where d.kind in ('REIMBURSEMENT', 'MILESTONE');

do $$
declare
    entry record;begin
    -- While its books are completed, a closed grant takes entries of every kind.
    create temporary table ended on commit drop as
        select id, status, updated_at from grants where status in ('CLOSED', 'TERMINATED');
    update grants set status = 'CLOSING' where id in (select id from ended);
    create temporary table steps (of_kind text, of_from text, advance boolean, place integer, kind text, from_kind text,
                                  from_item text, to_kind text, to_item text) on commit drop;
    insert into steps values
        ('AWARD', 'SRC_PAY', null, 1, 'AWARD', 'SRC_USE', null, 'UNOBLIGATED', 'line'),
        ('AWARD', 'SRC_PAY', null, 2, 'AMEND_UP', 'SRC_ADV', null, 'ADVANCE_ROOM', null),
        ('REQUEST', 'AVAILABLE', false, 1, 'EXPEND', 'UNOBLIGATED', 'line', 'UNCLAIMED', 'line'),
        ('REQUEST', 'AVAILABLE', false, 2, 'REQUEST', 'UNCLAIMED', 'line', 'CLAIM_PENDING', 'line'),
        ('REQUEST', 'AVAILABLE', true, 1, 'REQUEST', 'ADVANCE_ROOM', null, 'ADVANCE_PENDING', 'disbursement'),
        ('RETURN', 'REQUESTED', false, 1, 'RETURN', 'CLAIM_PENDING', 'line', 'UNCLAIMED', 'line'),
        ('REJECT', 'REQUESTED', false, 1, 'REJECT', 'CLAIM_PENDING', 'line', 'UNCLAIMED', 'line'),
        ('CANCEL', 'REQUESTED', false, 1, 'CANCEL', 'CLAIM_PENDING', 'line', 'UNCLAIMED', 'line'),
        ('CANCEL', 'APPROVED', false, 1, 'CANCEL', 'CLAIM_PENDING', 'line', 'UNCLAIMED', 'line'),
        ('RETURN', 'REQUESTED', false, 2, 'REVERSE_EXPENDITURE', 'UNCLAIMED', 'line', 'UNOBLIGATED', 'line'),
        ('REJECT', 'REQUESTED', false, 2, 'REVERSE_EXPENDITURE', 'UNCLAIMED', 'line', 'UNOBLIGATED', 'line'),
        ('CANCEL', 'REQUESTED', false, 2, 'REVERSE_EXPENDITURE', 'UNCLAIMED', 'line', 'UNOBLIGATED', 'line'),
        ('CANCEL', 'APPROVED', false, 2, 'REVERSE_EXPENDITURE', 'UNCLAIMED', 'line', 'UNOBLIGATED', 'line'),
        ('RETURN', 'REQUESTED', true, 1, 'RETURN', 'ADVANCE_PENDING', 'disbursement', 'ADVANCE_ROOM', null),
        ('REJECT', 'REQUESTED', true, 1, 'REJECT', 'ADVANCE_PENDING', 'disbursement', 'ADVANCE_ROOM', null),
        ('CANCEL', 'REQUESTED', true, 1, 'CANCEL', 'ADVANCE_PENDING', 'disbursement', 'ADVANCE_ROOM', null),
        ('CANCEL', 'APPROVED', true, 1, 'CANCEL', 'ADVANCE_PENDING', 'disbursement', 'ADVANCE_ROOM', null),
        ('PAY', 'APPROVED', false, 1, 'PAY', 'CLAIM_PENDING', 'line', 'CLAIMED', 'line'),
        ('PAY', 'APPROVED', true, 1, 'PAY', 'ADVANCE_PENDING', 'disbursement', 'ADVANCE_OPEN', 'disbursement'),
        -- The costs of a payment that was taken back are none that anybody recorded.
        ('REVERSE_PAYMENT', 'PAID', false, 1, 'REVERSE_PAYMENT', 'CLAIMED', 'line', 'UNCLAIMED', 'line'),
        ('REVERSE_PAYMENT', 'PAID', false, 2, 'REVERSE_EXPENDITURE', 'UNCLAIMED', 'line', 'UNOBLIGATED', 'line'),
        ('REVERSE_PAYMENT', 'PAID', true, 1, 'REVERSE_PAYMENT', 'ADVANCE_OPEN', 'disbursement', 'ADVANCE_ROOM', null);
    for entry in
        select t.*, a.grant_id, l.id as line_id, d.id as disbursement_id, s.kind as next_kind, s.from_kind as next_from,
               s.from_item as next_from_item, s.to_kind as next_to, s.to_item as next_to_item
          from ledger_transfers t
          join ledger_accounts a on a.id = t.from_account
          join budget_lines l on l.grant_id = a.grant_id
          left join disbursement_events e on e.id = t.cause_id
          left join disbursements d on d.id = e.disbursement_id
          join steps s on s.of_kind = t.kind and s.of_from = t.from_kind
                      and (s.advance is null or s.advance = (d.kind = 'ADVANCE'))
         order by t.effective_on, t.recorded_at, t.id, s.place
    loop
        insert into ledger_accounts (id, grant_id, kind, item_id)
        values (gen_random_uuid(), entry.grant_id, entry.next_from,
                case entry.next_from_item when 'line' then entry.line_id when 'disbursement' then entry.disbursement_id end),
               (gen_random_uuid(), entry.grant_id, entry.next_to,
                case entry.next_to_item when 'line' then entry.line_id when 'disbursement' then entry.disbursement_id end)
            on conflict on constraint ledger_accounts_once do nothing;
        insert into ledger_transfers (id, from_account, to_account, from_kind, to_kind, amount, kind, cause_id, effective_on,
                                      recorded_at)
        select gen_random_uuid(), source.id, target.id, source.kind, target.kind, entry.amount, entry.next_kind,
               entry.cause_id, entry.effective_on, entry.recorded_at
          from ledger_accounts source, ledger_accounts target
         where source.grant_id = entry.grant_id and source.kind = entry.next_from
           and source.item_id is not distinct from
               case entry.next_from_item when 'line' then entry.line_id when 'disbursement' then entry.disbursement_id end
           and target.grant_id = entry.grant_id and target.kind = entry.next_to
           and target.item_id is not distinct from
               case entry.next_to_item when 'line' then entry.line_id when 'disbursement' then entry.disbursement_id end;
    end loop;

    -- What a closed grant had advanced was spent when it was closed; what it had left lapsed.
    for entry in
        select a.*, o.from_kind, o.to_kind, o.move, o.place, e.updated_at, l.id as line_id, gen_random_uuid() as cause
          from ended e
          join budget_lines l on l.grant_id = e.id
          join (values (1, 'ADVANCE_OPEN', 'EXPEND', 'UNOBLIGATED', 'UNCLAIMED'),
                       (2, 'ADVANCE_OPEN', 'ACCOUNT_FOR_ADVANCE', 'UNCLAIMED', 'CLAIMED'),
                       (3, 'ADVANCE_OPEN', 'ACCOUNT_FOR_ADVANCE', 'ADVANCE_OPEN', 'ADVANCE_ROOM'),
                       (4, 'UNOBLIGATED', 'LAPSE', 'UNOBLIGATED', 'LAPSED_USE'),
                       (5, 'ADVANCE_ROOM', 'LAPSE', 'ADVANCE_ROOM', 'SRC_ADV'))
               as o (place, of_kind, move, from_kind, to_kind) on true
          join ledger_accounts a on a.grant_id = e.id and a.kind = o.of_kind
         order by e.id, o.place
    loop
        insert into ledger_accounts (id, grant_id, kind, item_id)
        select gen_random_uuid(), entry.grant_id, entry.to_kind,
               case when entry.to_kind in ('UNCLAIMED', 'CLAIMED') then entry.line_id end
            on conflict on constraint ledger_accounts_once do nothing;
        insert into ledger_transfers (id, from_account, to_account, from_kind, to_kind, amount, kind, cause_id, effective_on,
                                      recorded_at)
        select gen_random_uuid(), source.id, target.id, source.kind, target.kind, kept.balance, entry.move, entry.cause,
               (entry.updated_at at time zone 'America/Los_Angeles')::date, entry.updated_at
          from ledger_accounts source, ledger_accounts target,
               -- The advance that is settled, or what is left of the account by now.
               lateral (select case when entry.place <= 3 then entry.balance else source.balance end as balance) kept
         where source.grant_id = entry.grant_id and source.kind = entry.from_kind
           and (source.kind <> 'ADVANCE_OPEN' or source.id = entry.id)
           and target.grant_id = entry.grant_id and target.kind = entry.to_kind and kept.balance > 0;
    end loop;
    update grants g set status = e.status from ended e where g.id = e.id;
end $$;
