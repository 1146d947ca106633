-- Posting an entry asks the database half as many questions, and refuses the same. A file of 10,000 payments posts 20,000
-- entries in one transaction, which has to end in time.
create or replace function post_ledger_transfer() returns trigger language plpgsql
    security definer set search_path = public, pg_temp as $$
declare
    source   ledger_accounts;
    target   ledger_accounts;
    reversed ledger_transfers;
    in_month date := date_trunc('month', new.effective_on);
    standing text;
    held     ledger_accounts;
begin
    -- Shared with other entries, exclusive for whoever closes the month.
    perform pg_advisory_xact_lock_shared(hashtext('ledger_months'), month_number(in_month));
    if exists (select from ledger_closed_months where month = in_month and reopened_at is null) then
        raise exception 'the month % is closed', to_char(in_month, 'YYYY-MM')
            using errcode = 'check_violation', constraint = 'ledger_transfers_open_month';
    end if;

    -- Always in the order of the ids, so that two entries cannot wait for each other.
    for held in
        select * from ledger_accounts where id in (new.from_account, new.to_account) order by id for update
    loop
        if held.id = new.from_account then
            source := held;
        end if;
        if held.id = new.to_account then
            target := held;
        end if;
    end loop;
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

    -- What is told late was gone on every later day as well; mostly nothing is told late.
    if source.kind not like 'SRC%'
       and (exists (select from ledger_transfers t
                     where t.from_account = source.id and t.effective_on > new.effective_on)
            or exists (select from ledger_transfers t
                        where t.to_account = source.id and t.effective_on > new.effective_on)) then
        if exists (
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
    end if;

    if new.recorded_at < greatest(source.last_recorded_at, target.last_recorded_at) - interval '60 seconds' then
        raise exception 'entries are recorded in the order of time'
            using errcode = 'check_violation', constraint = 'ledger_transfers_in_order';
    end if;

    update ledger_accounts a
       set balance = a.balance + case when a.id = new.to_account then new.amount else -new.amount end,
           last_recorded_at = greatest(a.last_recorded_at, new.recorded_at)
     where a.id in (new.from_account, new.to_account);
    insert into ledger_months as m (account_id, month, amount_in, amount_out)
    values (new.from_account, in_month, 0, new.amount), (new.to_account, in_month, new.amount, 0)
    on conflict (account_id, month) do update
       set amount_in = m.amount_in + excluded.amount_in, amount_out = m.amount_out + excluded.amount_out;
    return new;
end $$;

-- What a grant's disbursements are, and where its money is: the same check in two statements instead of five.
create or replace function check_disbursements(subject uuid) returns void language plpgsql stable
    set search_path = public, pg_temp as $$
declare
    of_disbursements numeric[];
    of_ledger        numeric[];
begin
    select array[coalesce(sum(d.amount) filter (where d.status = 'REQUESTED'), 0),
                 coalesce(sum(d.approved_amount) filter (where d.status <> 'REQUESTED'), 0),
                 coalesce(sum((select sum(coalesce(l.approved_amount, l.amount)) from disbursement_lines l
                                where l.disbursement_id = d.id and l.submission = d.submission)), 0)]
      into of_disbursements
      from disbursements d where d.grant_id = subject and d.status in ('REQUESTED', 'APPROVED', 'SCHEDULED');
    select array[coalesce(sum(a.balance) filter (where a.kind = 'REQUESTED'), 0),
                 coalesce(sum(a.balance) filter (where a.kind = 'APPROVED'), 0),
                 coalesce(sum(a.balance) filter (where a.kind = 'CLAIM_PENDING'), 0)]
      into of_ledger
      from ledger_accounts a where a.grant_id = subject and a.kind in ('REQUESTED', 'APPROVED', 'CLAIM_PENDING');
    if of_disbursements <> of_ledger then
        raise exception 'the disbursements of the grant and its ledger differ'
            using errcode = 'check_violation', constraint = 'disbursements_in_ledger';
    end if;
end $$;
