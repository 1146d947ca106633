-- Payments that a bank or a controller tells of in a file: which file was brought in, by whom, and what each of its
-- lines came to.
create table payment_imports (
    id           uuid primary key,
    -- SHA-256 of the file as it was sent.
    file_hash    bytea not null check (octet_length(file_hash) = 32),
    paid         integer not null check (paid >= 0),
    -- Lines whose payment was known already, by the same reference.
    already_paid integer not null check (already_paid >= 0),
    amount       numeric(14, 2) not null check (amount >= 0),
    imported_by  uuid not null references people,
    imported_at  timestamptz not null,
    constraint payment_imports_not_empty check (paid + already_paid > 0)
);
create table payment_import_rows (
    import_id       uuid not null references payment_imports,
    line            integer not null check (line > 0),
    disbursement_id uuid not null references disbursements,
    outcome         text not null check (outcome in ('PAID', 'ALREADY_PAID')),
    primary key (import_id, line),
    constraint payment_import_rows_once unique (import_id, disbursement_id)
);
create index on payment_import_rows (disbursement_id);
create trigger payment_imports_append_only before update or delete on payment_imports
    for each row execute function refuse_change();
create trigger payment_imports_no_truncate before truncate on payment_imports
    for each statement execute function refuse_change();
create trigger payment_import_rows_append_only before update or delete on payment_import_rows
    for each row execute function refuse_change();
create trigger payment_import_rows_no_truncate before truncate on payment_import_rows
    for each statement execute function refuse_change();
revoke update on payment_imports, payment_import_rows from thrive_app;

-- As post_ledger_entries, of many events at once: each entry has its own cause and day.
create function post_entries_of_events(ids uuid[], kinds text[], amounts numeric[],
                                       from_ids uuid[], from_grants uuid[], from_allocations uuid[],
                                       from_contributions uuid[], from_kinds text[], from_items uuid[],
                                       to_ids uuid[], to_grants uuid[], to_allocations uuid[],
                                       to_contributions uuid[], to_kinds text[], to_items uuid[],
                                       causes uuid[], effective date[], openings boolean[], at_moment timestamptz)
    returns bigint language plpgsql volatile set search_path = public, pg_temp as $$
declare
    posted bigint;
begin
    with wanted as (
        select * from unnest(from_ids, from_grants, from_allocations, from_contributions, from_kinds, from_items)
                   as f (id, grant_id, allocation_id, contribution_id, kind, item_id)
         union all
        select * from unnest(to_ids, to_grants, to_allocations, to_contributions, to_kinds, to_items)
    )
    insert into ledger_accounts (id, grant_id, allocation_id, contribution_id, kind, item_id)
    select distinct on (w.grant_id, w.allocation_id, w.contribution_id, w.kind, w.item_id) w.*
      from wanted w
     order by w.grant_id, w.allocation_id, w.contribution_id, w.kind, w.item_id
        on conflict on constraint ledger_accounts_once do nothing;
    insert into ledger_transfers
           (id, from_account, to_account, from_kind, to_kind, amount, kind, cause_id, effective_on, recorded_at, opening)
    select e.id, source.id, target.id, source.kind, target.kind, e.amount, e.kind, e.cause, e.effective_on, at_moment,
           e.opening
      from unnest(ids, kinds, amounts, from_grants, from_allocations, from_contributions, from_kinds, from_items,
                  to_grants, to_allocations, to_contributions, to_kinds, to_items, causes, effective, openings)
           with ordinality
           as e (id, kind, amount, from_grant, from_allocation, from_contribution, from_kind, from_item,
                 to_grant, to_allocation, to_contribution, to_kind, to_item, cause, effective_on, opening, place)
     cross join lateral ledger_account(e.from_grant, e.from_allocation, e.from_contribution, e.from_kind, e.from_item)
           as source
     cross join lateral ledger_account(e.to_grant, e.to_allocation, e.to_contribution, e.to_kind, e.to_item) as target
     order by e.place;
    get diagnostics posted = row_count;
    return posted;
end $$;
