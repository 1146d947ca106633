-- Months close in order: what is before a closed month is closed with it, so that its figures stay. The latest closed
-- month may be opened again, by another person than the one who closed it, for a reason.

-- The last month that is closed; null when none is.
create function closed_through() returns date language sql stable set search_path = public, pg_temp as
    $$ select max(month) from ledger_closed_months where reopened_at is null $$;

-- No books begin before 1990, so no entry is older: closing has to hold so many months and no more.
create function first_ledger_month() returns date language sql immutable parallel safe as $$ select date '1990-01-01' $$;

-- Holds a month and the open ones before it: entries that are under way are waited for, and later ones wait. Whoever
-- closes a month, or opens it, does so alone.
create function hold_months_until(until_month date) returns void language plpgsql set search_path = public, pg_temp as $$
declare
    begins date;
begin
    perform pg_advisory_xact_lock(hashtext('ledger_closings'), 0);
    begins := coalesce((closed_through() + interval '1 month')::date, first_ledger_month());
    perform pg_advisory_xact_lock(hashtext('ledger_months'), number)
       from generate_series(least(month_number(begins), month_number(until_month)), month_number(until_month)) as number;
end $$;

create or replace function guard_closed_month() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
    open_month date;
begin
    perform hold_months_until(new.month);
    if tg_op = 'UPDATE' then
        if (new.id, new.month, new.closed_at, new.closed_by) is distinct from (old.id, old.month, old.closed_at, old.closed_by)
           or old.reopened_at is not null then
            raise exception 'a closed month is opened again and otherwise stays'
                using errcode = 'check_violation', constraint = 'ledger_closed_months_fixed';
        end if;
        if new.reopened_at is not null and new.month < closed_through() then
            raise exception 'the latest closed month is opened first: %', to_char(closed_through(), 'YYYY-MM')
                using errcode = 'check_violation', constraint = 'ledger_closed_months_latest';
        end if;
        return new;
    end if;
    select min(month) into open_month from ledger_months
     where month < new.month and month > coalesce(closed_through(), '-infinity');
    if open_month is not null or new.month < closed_through() then
        raise exception 'months close in order: % is open', to_char(coalesce(open_month, new.month), 'YYYY-MM')
            using errcode = 'check_violation', constraint = 'ledger_closed_months_in_order';
    end if;
    return new;
end $$;

-- Beside the check of an entry's own month: none goes before a closed one.
create function check_after_closed_months() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    -- Taken here too, so that the answer below is the one after waiting, whichever trigger comes first.
    perform pg_advisory_xact_lock_shared(hashtext('ledger_months'), month_number(new.effective_on));
    if new.effective_on < first_ledger_month() or date_trunc('month', new.effective_on) <= closed_through() then
        raise exception 'the month % is closed', to_char(new.effective_on, 'YYYY-MM')
            using errcode = 'check_violation', constraint = 'ledger_transfers_open_month';
    end if;
    return new;
end $$;
create trigger ledger_transfers_after_closed before insert on ledger_transfers
    for each row execute function check_after_closed_months();
