-- What a formula pays a county, or another body, again and again: each receipt is a layer that the
-- rules of its day divide into components. A component's money is spent for that component only, the
-- oldest layer first, and goes back when its fiscal years are over.
create table allocations (
    id           uuid primary key,
    program_id   uuid not null references funding_programs,
    recipient_id uuid not null references organizations,
    created_by   uuid not null references people,
    created_at   timestamptz not null,
    -- Moves with every receipt, spend and reversion.
    updated_at   timestamptz not null,
    constraint allocations_once unique (program_id, recipient_id)
);
create index on allocations (recipient_id);

create table allocation_receipts (
    id            uuid primary key,
    allocation_id uuid not null references allocations,
    received_on   date not null,
    -- By the year in which it begins: 1 July to 30 June.
    fiscal_year   integer not null generated always as
                  (extract(year from received_on)::int - case when extract(month from received_on) < 7 then 1 else 0 end) stored,
    amount        numeric(14, 2) not null constraint allocation_receipts_positive check (amount > 0),
    reference     text not null check (btrim(reference) <> ''),
    -- The rule that divided it; null where none divides, and it is one component.
    rule_id       uuid references rules,
    recorded_by   uuid not null references people,
    recorded_at   timestamptz not null,
    unique (id, allocation_id)
);
-- One payment is recorded once.
create unique index allocation_receipts_reference_once on allocation_receipts (allocation_id, lower(btrim(reference)));
create index on allocation_receipts (allocation_id, received_on);

-- A component's part of a receipt: the layer that spending takes from.
create table allocation_components (
    id            uuid primary key,
    receipt_id    uuid not null,
    allocation_id uuid not null,
    place         smallint not null,
    component     text not null check (component ~ '^[A-Z0-9_]+$'),
    amount        numeric(14, 2) not null check (amount >= 0),
    foreign key (receipt_id, allocation_id) references allocation_receipts (id, allocation_id),
    constraint allocation_components_once unique (receipt_id, component)
);
create index on allocation_components (allocation_id, component);

create table allocation_spends (
    id            uuid primary key,
    allocation_id uuid not null references allocations,
    component     text not null,
    amount        numeric(14, 2) not null constraint allocation_spends_positive check (amount > 0),
    spent_on      date not null,
    description   text not null check (btrim(description) <> ''),
    reference     text,
    recorded_by   uuid not null references people,
    recorded_at   timestamptz not null
);
create index on allocation_spends (allocation_id, spent_on);

-- What went back of a layer, by which rule.
create table allocation_reversions (
    id           uuid primary key,
    component_id uuid not null references allocation_components,
    rule_id      uuid not null references rules,
    amount       numeric(14, 2) not null check (amount > 0),
    -- The last day to spend it.
    spend_by     date not null,
    effective_on date not null,
    reverted_at  timestamptz not null,
    constraint allocation_reversions_after check (effective_on > spend_by)
);
create index on allocation_reversions (component_id);

revoke update on allocations, allocation_receipts, allocation_components, allocation_spends, allocation_reversions
    from thrive_app;
grant update (updated_at) on allocations to thrive_app;

create trigger allocation_receipts_append_only before update or delete on allocation_receipts
    for each row execute function refuse_change();
create trigger allocation_receipts_no_truncate before truncate on allocation_receipts
    for each statement execute function refuse_change();
create trigger allocation_components_append_only before update or delete on allocation_components
    for each row execute function refuse_change();
create trigger allocation_components_no_truncate before truncate on allocation_components
    for each statement execute function refuse_change();
create trigger allocation_spends_append_only before update or delete on allocation_spends
    for each row execute function refuse_change();
create trigger allocation_spends_no_truncate before truncate on allocation_spends
    for each statement execute function refuse_change();
create trigger allocation_reversions_append_only before update or delete on allocation_reversions
    for each row execute function refuse_change();
create trigger allocation_reversions_no_truncate before truncate on allocation_reversions
    for each statement execute function refuse_change();

-- Whose money an account holds decides which kinds it may be of.
alter table ledger_accounts
    add constraint ledger_accounts_allocation_id_fkey foreign key (allocation_id) references allocations,
    add constraint ledger_accounts_own_chain
        check ((allocation_id is not null) = (kind in ('SRC_ALLOC', 'COMPONENT', 'SPENT', 'REVERTED')));
create index on ledger_accounts (allocation_id, kind) where allocation_id is not null;

-- A component's accounts are those of a layer that this allocation received.
create function check_allocation_account() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if (new.kind in ('COMPONENT', 'REVERTED')) <> (new.item_id is not null)
       or new.item_id is not null and not exists (
           select from allocation_components c where c.id = new.item_id and c.allocation_id = new.allocation_id) then
        raise exception 'the account of a component is that of a layer of its allocation'
            using errcode = 'check_violation', constraint = 'ledger_accounts_own_component';
    end if;
    return new;
end $$;
create trigger ledger_accounts_own_component before insert on ledger_accounts
    for each row when (new.allocation_id is not null) execute function check_allocation_account();

-- An entry names what it is for, and takes from no other component.
create function check_allocation_entry() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
    part allocation_components;
begin
    select c.* into part
      from ledger_accounts a join allocation_components c on c.id = a.item_id
     where a.id = case new.kind when 'RECEIVE' then new.to_account else new.from_account end;
    if new.kind = 'RECEIVE' and exists (
           select from allocation_receipts r
            where r.id = new.cause_id and r.id = part.receipt_id and r.received_on = new.effective_on
              and part.amount = new.amount)
       or new.kind = 'SPEND' and exists (
           select from allocation_spends s
            where s.id = new.cause_id and s.allocation_id = part.allocation_id and s.component = part.component
              and s.spent_on = new.effective_on)
       or new.kind = 'REVERT' and exists (
           select from allocation_reversions v join ledger_accounts gone on gone.id = new.to_account
            where v.id = new.cause_id and v.component_id = part.id and gone.item_id = part.id
              and v.amount = new.amount and v.effective_on = new.effective_on) then
        return null;
    end if;
    raise exception 'an entry of an allocation is that of its receipt, spend or reversion, and of its component'
        using errcode = 'check_violation', constraint = 'allocation_entries_own_component';
end $$;
create trigger ledger_transfers_of_allocations after insert on ledger_transfers
    for each row when (new.kind in ('RECEIVE', 'SPEND', 'REVERT')) execute function check_allocation_entry();

-- At the end of its transaction a receipt is divided whole and posted, and a spend or reversion is posted whole.
create function check_allocation_posted() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
    -- The column that names the event.
    event   uuid := to_jsonb(new) ->> tg_argv[0];
    amount  numeric;
    divided numeric;
    posted  numeric;
begin
    select r.amount into amount from allocation_receipts r where r.id = event;
    if found then
        select sum(c.amount) into divided from allocation_components c where c.receipt_id = event;
    else
        select s.amount into amount from allocation_spends s where s.id = event;
        if not found then
            select v.amount into amount from allocation_reversions v where v.id = event;
        end if;
        divided := amount;
    end if;
    select coalesce(sum(t.amount), 0) into posted from ledger_transfers t where t.cause_id = event;
    if (divided, posted) is distinct from (amount, amount) then
        raise exception 'of % there is % divided and % posted', amount, divided, posted
            using errcode = 'check_violation', constraint = 'allocation_events_whole';
    end if;
    return null;
end $$;
create constraint trigger allocation_receipts_whole after insert on allocation_receipts
    deferrable initially deferred for each row execute function check_allocation_posted('id');
create constraint trigger allocation_components_whole after insert on allocation_components
    deferrable initially deferred for each row execute function check_allocation_posted('receipt_id');
create constraint trigger allocation_spends_whole after insert on allocation_spends
    deferrable initially deferred for each row execute function check_allocation_posted('id');
create constraint trigger allocation_reversions_whole after insert on allocation_reversions
    deferrable initially deferred for each row execute function check_allocation_posted('id');
create constraint trigger allocation_entries_whole after insert on ledger_transfers
    deferrable initially deferred for each row when (new.kind in ('RECEIVE', 'SPEND', 'REVERT'))
    execute function check_allocation_posted('cause_id');
