-- Books begin in 1990, and a month a century later is a slip of the pen: whoever closes a month holds a lock for
-- each that is open before it, and locks are few.
alter table ledger_closed_months
    add constraint ledger_closed_months_of_the_books
        check (month >= date '1990-01-01' and month < date '2090-01-01') not valid;

create or replace function hold_months_until(until_month date) returns void language plpgsql set search_path = public, pg_temp as $$
declare
    begins date;
begin
    if until_month < first_ledger_month() or until_month >= first_ledger_month() + interval '100 years' then
        raise exception 'there is no month % in the books', to_char(until_month, 'YYYY-MM')
            using errcode = 'check_violation', constraint = 'ledger_closed_months_of_the_books';
    end if;
    perform pg_advisory_xact_lock(hashtext('ledger_closings'), 0);
    begins := coalesce((closed_through() + interval '1 month')::date, first_ledger_month());
    perform pg_advisory_xact_lock(hashtext('ledger_months'), number)
       from generate_series(least(month_number(begins), month_number(until_month)), month_number(until_month)) as number;
end $$;
