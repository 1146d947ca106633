-- Accounts by budget line, encumbrance, advance and payment; months that close and open again;
-- entries that are told late. The list of moves and the trigger that posts stay the one way in.

-- What a release took out goes back where it came from; at the end, costs that nobody claimed are
-- the recipient's own, and the room for advances closes; what is returned of a reimbursement (an
-- applicable credit, 2 CFR 200.406) lowers its cost.
insert into ledger_moves (kind, from_kind, to_kind) values
    ('CANCEL', 'APPROVED', 'RETAINED'), ('REVERSE_PAYMENT', 'PAID', 'RETAINED'),
    ('LAPSE', 'UNCLAIMED', 'LAPSED_USE'), ('LAPSE', 'ADVANCE_ROOM', 'SRC_ADV'),
    ('REFUND', 'CLAIMED', 'UNOBLIGATED');

-- What was known at a moment stays what was known: entries of an account come in the order in which they are
-- recorded, but for what clocks of several machines differ by.
alter table ledger_accounts add column last_recorded_at timestamptz;
alter table ledger_accounts disable trigger ledger_accounts_not_direct;
update ledger_accounts a set last_recorded_at =
    (select max(t.recorded_at) from ledger_transfers t where a.id in (t.from_account, t.to_account));
alter table ledger_accounts enable trigger ledger_accounts_not_direct;

-- Entries of what happened before Thrive kept the books.
alter table ledger_transfers add column opening boolean not null default false;

-- The use chain is awarded line by line.
drop index ledger_transfers_awarded_once;
create unique index ledger_transfers_awarded_once on ledger_transfers (from_account, to_account) where kind = 'AWARD';

-- A month may be closed, opened again for a reason, and closed once more.
alter table ledger_closed_months
    drop constraint ledger_closed_months_pkey,
    add column id uuid primary key default gen_random_uuid(),
    add column closed_by uuid references people,
    add column reopened_at timestamptz,
    add column reopened_by uuid references people,
    add column reopen_reason text,
    add constraint ledger_closed_months_over
        check (closed_at >= (month + interval '1 month')::timestamp at time zone 'America/Los_Angeles'),
    add constraint ledger_closed_months_reopened
        check ((reopened_at is null) = (reopen_reason is null) and (reopened_at is null) = (reopened_by is null)),
    add constraint ledger_closed_months_reopened_by_another check (reopened_by <> closed_by);
create unique index ledger_closed_months_once on ledger_closed_months (month) where reopened_at is null;
grant insert, update on ledger_closed_months to thrive_app;

create function month_number(day date) returns integer language sql immutable parallel safe as
    $$ select (extract(year from day) * 12 + extract(month from day))::int $$;

-- Whoever closes a month, or opens it, waits for the entries that are under way, and they for it.
create function guard_closed_month() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    perform pg_advisory_xact_lock(hashtext('ledger_months'), month_number(new.month));
    if tg_op = 'UPDATE' and ((new.id, new.month, new.closed_at, new.closed_by)
                             is distinct from (old.id, old.month, old.closed_at, old.closed_by)
                             or old.reopened_at is not null) then
        raise exception 'a closed month is opened again and otherwise stays'
            using errcode = 'check_violation', constraint = 'ledger_closed_months_fixed';
    end if;
    return new;
end $$;
create trigger ledger_closed_months_guard before insert or update on ledger_closed_months
    for each row execute function guard_closed_month();
create trigger ledger_closed_months_no_delete before delete on ledger_closed_months
    for each row execute function refuse_change();
create trigger ledger_closed_months_no_truncate before truncate on ledger_closed_months
    for each statement execute function refuse_change();

create or replace function post_ledger_transfer() returns trigger language plpgsql
    security definer set search_path = public, pg_temp as $$
declare
    source   ledger_accounts;
    target   ledger_accounts;
    reversed ledger_transfers;
    in_month date := date_trunc('month', new.effective_on);
    standing text;
begin
    -- Shared with other entries, exclusive for whoever closes the month.
    perform pg_advisory_xact_lock_shared(hashtext('ledger_months'), month_number(in_month));
    if exists (select from ledger_closed_months where month = in_month and reopened_at is null) then
        raise exception 'the month % is closed', to_char(in_month, 'YYYY-MM')
            using errcode = 'check_violation', constraint = 'ledger_transfers_open_month';
    end if;

    -- Always in the order of the ids, so that two entries cannot wait for each other.
    perform id from ledger_accounts where id in (new.from_account, new.to_account) order by id for update;
    select * into source from ledger_accounts where id = new.from_account;
    select * into target from ledger_accounts where id = new.to_account;
    if (source.grant_id, source.allocation_id, source.contribution_id)
       is distinct from (target.grant_id, target.allocation_id, target.contribution_id)
       and not (new.kind = 'ACCEPT_MATCH' and source.contribution_id is not null and target.grant_id is not null) then
        raise exception 'money stays with its owner'
            using errcode = 'check_violation', constraint = 'ledger_transfers_same_owner';
    end if;
    new.from_kind := source.kind;
    new.to_kind := target.kind;

    select status into standing from grants where id = target.grant_id;
    if standing in ('CLOSED', 'TERMINATED') and new.kind not in ('REFUND', 'DISALLOW', 'LAPSE') then
        raise exception 'a closed grant takes refunds and disallowances only'
            using errcode = 'check_violation', constraint = 'ledger_transfers_closed_grant';
    end if;

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

    -- What is told late was gone on every later day as well.
    if source.kind not like 'SRC%' and exists (
        select from (
            select source.balance - new.amount - sum(later.net) over (order by later.effective_on desc) as left_before
              from (select t.effective_on,
                           sum(case when t.to_account = source.id then t.amount else -t.amount end) as net
                      from ledger_transfers t
                     where source.id in (t.from_account, t.to_account) and t.effective_on > new.effective_on
                     group by t.effective_on) later) days
         where left_before < 0) then
        raise exception 'on a day after % the account had less than %', new.effective_on, new.amount
            using errcode = 'check_violation', constraint = 'ledger_transfers_backdated';
    end if;

    if new.recorded_at < greatest(source.last_recorded_at, target.last_recorded_at) - interval '60 seconds' then
        raise exception 'entries are recorded in the order of time'
            using errcode = 'check_violation', constraint = 'ledger_transfers_in_order';
    end if;

    update ledger_accounts
       set balance = balance - new.amount, last_recorded_at = greatest(last_recorded_at, new.recorded_at)
     where id = new.from_account;
    update ledger_accounts
       set balance = balance + new.amount, last_recorded_at = greatest(last_recorded_at, new.recorded_at)
     where id = new.to_account;
    insert into ledger_months as m (account_id, month, amount_in, amount_out)
    values (new.from_account, in_month, 0, new.amount), (new.to_account, in_month, new.amount, 0)
    on conflict (account_id, month) do update
       set amount_in = m.amount_in + excluded.amount_in, amount_out = m.amount_out + excluded.amount_out;
    return new;
end $$;

-- An answer about what was known a minute ago must not change: no transaction that posts lasts
-- longer than half of that.
create function check_posted_in_time() returns trigger language plpgsql as $$
begin
    if clock_timestamp() - transaction_timestamp() > interval '30 seconds' then
        raise exception 'a transaction that posts ends within 30 seconds'
            using errcode = 'check_violation', constraint = 'ledger_transfers_in_time';
    end if;
    return null;
end $$;
create constraint trigger ledger_transfers_in_time after insert on ledger_transfers
    deferrable initially deferred for each row execute function check_posted_in_time();

-- The balance of an account of a grant, or of all its accounts of a kind.
create function grant_balance(subject uuid, of_kind text) returns numeric language sql stable
    set search_path = public, pg_temp as
    $$ select coalesce(sum(balance), 0) from ledger_accounts where grant_id = subject and kind = of_kind $$;
