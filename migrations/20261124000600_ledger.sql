-- Where money is. An amount moves from one account to another; what leaves one
-- arrives in the other, so a sum cannot be out of balance: there is nothing to
-- sum. Entries are never changed, only reversed by an opposite entry.
create table ledger_account_kinds (
    kind  text primary key,
    chain text not null check (chain in ('PAY', 'USE', 'ADVANCE', 'MATCH', 'ALLOCATION'))
);

insert into ledger_account_kinds (kind, chain) values
    ('SRC_PAY', 'PAY'), ('AVAILABLE', 'PAY'), ('REQUESTED', 'PAY'), ('APPROVED', 'PAY'),
    ('RETAINED', 'PAY'), ('PAID', 'PAY'), ('LAPSED', 'PAY'),
    ('SRC_USE', 'USE'), ('UNOBLIGATED', 'USE'), ('ENCUMBERED', 'USE'), ('UNCLAIMED', 'USE'),
    ('CLAIM_PENDING', 'USE'), ('CLAIMED', 'USE'), ('LAPSED_USE', 'USE'),
    ('SRC_ADV', 'ADVANCE'), ('ADVANCE_ROOM', 'ADVANCE'), ('ADVANCE_PENDING', 'ADVANCE'),
    ('ADVANCE_OPEN', 'ADVANCE'),
    ('SRC_MATCH', 'MATCH'), ('MATCH_UNUSED', 'MATCH'), ('MATCH_MET', 'MATCH'),
    ('SRC_ALLOC', 'ALLOCATION'), ('COMPONENT', 'ALLOCATION'), ('SPENT', 'ALLOCATION'),
    ('REVERTED', 'ALLOCATION');

-- The only moves there are: an entry with another kind, or between other
-- accounts, has no row here to refer to.
create table ledger_moves (
    kind      text not null,
    from_kind text not null references ledger_account_kinds,
    to_kind   text not null references ledger_account_kinds,
    primary key (kind, from_kind, to_kind)
);

insert into ledger_moves (kind, from_kind, to_kind) values
    ('AWARD', 'SRC_PAY', 'AVAILABLE'), ('AWARD', 'SRC_USE', 'UNOBLIGATED'), ('AWARD', 'SRC_ADV', 'ADVANCE_ROOM'),
    ('AMEND_UP', 'SRC_PAY', 'AVAILABLE'), ('AMEND_UP', 'SRC_USE', 'UNOBLIGATED'), ('AMEND_UP', 'SRC_ADV', 'ADVANCE_ROOM'),
    ('AMEND_DOWN', 'AVAILABLE', 'SRC_PAY'), ('AMEND_DOWN', 'UNOBLIGATED', 'SRC_USE'), ('AMEND_DOWN', 'ADVANCE_ROOM', 'SRC_ADV'),
    ('TRANSFER_BUDGET', 'UNOBLIGATED', 'UNOBLIGATED'),
    ('ENCUMBER', 'UNOBLIGATED', 'ENCUMBERED'), ('CANCEL_ENCUMBRANCE', 'ENCUMBERED', 'UNOBLIGATED'),
    ('LIQUIDATE', 'ENCUMBERED', 'UNCLAIMED'),
    ('EXPEND', 'UNOBLIGATED', 'UNCLAIMED'), ('REVERSE_EXPENDITURE', 'UNCLAIMED', 'UNOBLIGATED'),
    ('REQUEST', 'AVAILABLE', 'REQUESTED'), ('REQUEST', 'UNCLAIMED', 'CLAIM_PENDING'),
    ('REQUEST', 'ADVANCE_ROOM', 'ADVANCE_PENDING'),
    ('RETURN', 'REQUESTED', 'AVAILABLE'), ('RETURN', 'CLAIM_PENDING', 'UNCLAIMED'),
    ('RETURN', 'ADVANCE_PENDING', 'ADVANCE_ROOM'),
    ('REJECT', 'REQUESTED', 'AVAILABLE'), ('REJECT', 'CLAIM_PENDING', 'UNCLAIMED'),
    ('REJECT', 'ADVANCE_PENDING', 'ADVANCE_ROOM'),
    ('CANCEL', 'REQUESTED', 'AVAILABLE'), ('CANCEL', 'APPROVED', 'AVAILABLE'),
    ('CANCEL', 'CLAIM_PENDING', 'UNCLAIMED'), ('CANCEL', 'ADVANCE_PENDING', 'ADVANCE_ROOM'),
    ('APPROVE', 'REQUESTED', 'APPROVED'), ('APPROVE', 'REQUESTED', 'AVAILABLE'),
    ('APPROVE', 'CLAIM_PENDING', 'UNCLAIMED'), ('APPROVE', 'ADVANCE_PENDING', 'ADVANCE_ROOM'),
    ('PAY', 'APPROVED', 'PAID'), ('PAY', 'APPROVED', 'RETAINED'),
    ('PAY', 'CLAIM_PENDING', 'CLAIMED'), ('PAY', 'ADVANCE_PENDING', 'ADVANCE_OPEN'),
    ('ACCOUNT_FOR_ADVANCE', 'UNCLAIMED', 'CLAIMED'), ('ACCOUNT_FOR_ADVANCE', 'ADVANCE_OPEN', 'ADVANCE_ROOM'),
    ('RELEASE_RETENTION', 'RETAINED', 'APPROVED'),
    ('REFUND', 'PAID', 'AVAILABLE'), ('REFUND', 'ADVANCE_OPEN', 'ADVANCE_ROOM'),
    ('DISALLOW', 'CLAIMED', 'UNOBLIGATED'), ('DISALLOW', 'PAID', 'AVAILABLE'), ('DISALLOW', 'RETAINED', 'AVAILABLE'),
    ('REVERSE_PAYMENT', 'PAID', 'AVAILABLE'), ('REVERSE_PAYMENT', 'RETAINED', 'AVAILABLE'),
    ('REVERSE_PAYMENT', 'CLAIMED', 'UNCLAIMED'), ('REVERSE_PAYMENT', 'ADVANCE_OPEN', 'ADVANCE_ROOM'),
    ('LAPSE', 'AVAILABLE', 'LAPSED'), ('LAPSE', 'UNOBLIGATED', 'LAPSED_USE'),
    ('CONTRIBUTE', 'SRC_MATCH', 'MATCH_UNUSED'), ('ACCEPT_MATCH', 'MATCH_UNUSED', 'MATCH_MET'),
    ('RECEIVE', 'SRC_ALLOC', 'COMPONENT'), ('SPEND', 'COMPONENT', 'SPENT'), ('REVERT', 'COMPONENT', 'REVERTED');

-- Every account has one owner. Sources go below zero by what they gave; each
-- owner has its own, so no row is hot.
create table ledger_accounts (
    id              uuid primary key,
    grant_id        uuid references grants,
    -- Allocations and match contributions get their tables, and these columns
    -- their foreign keys, with the features that write them.
    allocation_id   uuid,
    contribution_id uuid,
    kind            text not null references ledger_account_kinds,
    item_id         uuid,
    balance         numeric(14, 2) not null default 0,
    constraint ledger_accounts_one_owner check (num_nonnulls(grant_id, allocation_id, contribution_id) = 1),
    constraint ledger_accounts_not_overdrawn check (balance >= 0 or kind like 'SRC%'),
    constraint ledger_accounts_once unique nulls not distinct (grant_id, allocation_id, contribution_id, kind, item_id)
);

-- Months that are closed take no more entries.
create table ledger_closed_months (
    month     date primary key check (month = date_trunc('month', month)),
    closed_at timestamptz not null
);

create table ledger_transfers (
    id           uuid primary key,
    from_account uuid not null references ledger_accounts,
    to_account   uuid not null references ledger_accounts,
    -- Filled by the trigger, for the reference to the list of moves.
    from_kind    text not null,
    to_kind      text not null,
    amount       numeric(14, 2) not null constraint ledger_transfers_positive check (amount > 0),
    kind         text not null,
    cause_id     uuid not null,
    effective_on date not null,
    recorded_at  timestamptz not null,
    reverses_id  uuid references ledger_transfers,
    constraint ledger_transfers_two_accounts check (from_account <> to_account),
    constraint ledger_transfers_listed foreign key (kind, from_kind, to_kind) references ledger_moves,
    constraint ledger_transfers_reversed_once unique (reverses_id),
    -- One business event moves money once, however often it is retried.
    constraint ledger_transfers_once unique (cause_id, kind, from_account, to_account),
    -- Nothing has happened tomorrow yet, in California.
    constraint ledger_transfers_not_in_future
        check (effective_on <= (recorded_at at time zone 'America/Los_Angeles')::date)
);
-- A grant is awarded once; more comes by amendment.
create unique index ledger_transfers_awarded_once on ledger_transfers (from_account) where kind = 'AWARD';
create index on ledger_transfers (from_account, effective_on);
create index on ledger_transfers (to_account, effective_on);

-- What went in and out of an account in a month, so that a balance as of a
-- date is whole months and one part month.
create table ledger_months (
    account_id uuid not null references ledger_accounts,
    month      date not null,
    amount_in  numeric(20, 2) not null default 0 check (amount_in >= 0),
    amount_out numeric(20, 2) not null default 0 check (amount_out >= 0),
    primary key (account_id, month)
);

-- Runs as its owner, because nobody else may touch balances: raw SQL obeys it
-- as the service does.
create function post_ledger_transfer() returns trigger language plpgsql
    security definer set search_path = public, pg_temp as $$
declare
    source   ledger_accounts;
    target   ledger_accounts;
    reversed ledger_transfers;
    in_month date := date_trunc('month', new.effective_on);
begin
    -- Shared with other entries, exclusive for whoever closes the month.
    perform pg_advisory_xact_lock_shared(hashtext('ledger_months'),
                                         (extract(year from in_month) * 12 + extract(month from in_month))::int);
    if exists (select from ledger_closed_months where month = in_month) then
        raise exception 'the month % is closed', to_char(in_month, 'YYYY-MM')
            using errcode = 'check_violation', constraint = 'ledger_transfers_open_month';
    end if;

    -- Always in the order of the ids, so that two entries cannot wait for each other.
    perform id from ledger_accounts where id in (new.from_account, new.to_account) order by id for update;
    select * into source from ledger_accounts where id = new.from_account;
    select * into target from ledger_accounts where id = new.to_account;
    if (source.grant_id, source.allocation_id, source.contribution_id)
       is distinct from (target.grant_id, target.allocation_id, target.contribution_id)
       and new.kind <> 'ACCEPT_MATCH' then
        raise exception 'money stays with its owner'
            using errcode = 'check_violation', constraint = 'ledger_transfers_same_owner';
    end if;
    new.from_kind := source.kind;
    new.to_kind := target.kind;

    if new.reverses_id is not null then
        select * into reversed from ledger_transfers where id = new.reverses_id;
        if (reversed.from_account, reversed.to_account, reversed.amount)
           is distinct from (new.to_account, new.from_account, new.amount)
           or reversed.effective_on > new.effective_on or reversed.reverses_id is not null then
            raise exception 'a reversal swaps the accounts of one entry and keeps its amount'
                using errcode = 'check_violation', constraint = 'ledger_transfers_reversal';
        end if;
    end if;

    if new.kind = 'AWARD' and source.kind = 'SRC_PAY' and not exists (
        select from grants g where g.id = source.grant_id and g.amount = new.amount) then
        raise exception 'a grant is awarded with its amount'
            using errcode = 'check_violation', constraint = 'ledger_transfers_award';
    end if;

    update ledger_accounts set balance = balance - new.amount where id = new.from_account;
    update ledger_accounts set balance = balance + new.amount where id = new.to_account;
    insert into ledger_months as m (account_id, month, amount_in, amount_out)
    values (new.from_account, in_month, 0, new.amount), (new.to_account, in_month, new.amount, 0)
    on conflict (account_id, month) do update
       set amount_in = m.amount_in + excluded.amount_in, amount_out = m.amount_out + excluded.amount_out;
    return new;
end $$;

create trigger ledger_transfers_post before insert on ledger_transfers
    for each row execute function post_ledger_transfer();

create trigger ledger_transfers_append_only before update or delete on ledger_transfers
    for each row execute function refuse_change();
create trigger ledger_transfers_no_truncate before truncate on ledger_transfers
    for each statement execute function refuse_change();

-- Balances and month totals change only through the trigger above.
create function refuse_direct_change() returns trigger language plpgsql as $$
begin
    if pg_trigger_depth() > 1 then
        return new;
    end if;
    raise exception '% follows ledger_transfers and is not written directly', tg_table_name
        using errcode = 'restrict_violation';
end $$;

create function refuse_opening_balance() returns trigger language plpgsql as $$
begin
    if new.balance <> 0 then
        raise exception 'an account opens empty' using errcode = 'check_violation',
            constraint = 'ledger_accounts_open_empty';
    end if;
    return new;
end $$;

create trigger ledger_accounts_open_empty before insert on ledger_accounts
    for each row execute function refuse_opening_balance();
create trigger ledger_accounts_not_direct before update on ledger_accounts
    for each row execute function refuse_direct_change();
create trigger ledger_accounts_no_delete before delete on ledger_accounts
    for each row execute function refuse_change();
create trigger ledger_accounts_no_truncate before truncate on ledger_accounts
    for each statement execute function refuse_change();
create trigger ledger_months_not_direct before insert or update on ledger_months
    for each row execute function refuse_direct_change();
create trigger ledger_months_no_delete before delete on ledger_months
    for each row execute function refuse_change();
create trigger ledger_months_no_truncate before truncate on ledger_months
    for each statement execute function refuse_change();

revoke insert, update, delete, truncate on ledger_account_kinds, ledger_moves, ledger_closed_months, ledger_months
    from thrive_app;
revoke update, delete, truncate on ledger_transfers, ledger_accounts from thrive_app;
