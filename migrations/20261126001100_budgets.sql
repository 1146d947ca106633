-- What a grant's money is for. The lines sum to the award, whatever amends it. `amount` is the line's
-- budget now; the ledger has its history and what is left of it.
create table cost_categories (
    category text primary key
);
insert into cost_categories (category) values
    ('PERSONNEL'), ('BENEFITS'), ('TRAVEL'), ('EQUIPMENT'), ('SUPPLIES'), ('CONTRACTUAL'), ('OTHER'), ('INDIRECT');
revoke insert, update, delete, truncate on cost_categories from thrive_app;

create table budget_lines (
    id         uuid primary key,
    grant_id   uuid not null references grants,
    category   text not null references cost_categories,
    title      text not null check (btrim(title) <> ''),
    amount     numeric(14, 2) not null constraint budget_lines_amount check (amount >= 0),
    position   integer not null,
    created_at timestamptz not null,
    constraint budget_lines_position_once unique (grant_id, position),
    -- For references that a line and what refers to it are of one grant.
    constraint budget_lines_of_grant unique (grant_id, id)
);
create unique index budget_lines_title_once on budget_lines (grant_id, category, lower(btrim(title)));

create function guard_budget_line() returns trigger language plpgsql as $$
begin
    if (new.id, new.grant_id, new.category, new.position, new.created_at)
       is distinct from (old.id, old.grant_id, old.category, old.position, old.created_at) then
        raise exception 'a budget line keeps its grant and category'
            using errcode = 'check_violation', constraint = 'budget_lines_fixed';
    end if;
    return new;
end $$;
create trigger budget_lines_guard before update on budget_lines for each row execute function guard_budget_line();

-- A transfer between two lines of a grant, within what its rules let move without an amendment.
create table budget_transfers (
    id           uuid primary key,
    grant_id     uuid not null references grants,
    from_line_id uuid not null,
    to_line_id   uuid not null,
    amount       numeric(14, 2) not null constraint budget_transfers_positive check (amount > 0),
    reason       text not null check (btrim(reason) <> ''),
    moved_by     uuid not null references people,
    moved_at     timestamptz not null,
    constraint budget_transfers_two_lines check (from_line_id <> to_line_id),
    foreign key (grant_id, from_line_id) references budget_lines (grant_id, id),
    foreign key (grant_id, to_line_id) references budget_lines (grant_id, id)
);
create index on budget_transfers (grant_id, moved_at);
create trigger budget_transfers_append_only before update or delete on budget_transfers
    for each row execute function refuse_change();
create trigger budget_transfers_no_truncate before truncate on budget_transfers
    for each statement execute function refuse_change();
revoke update on budget_transfers from thrive_app;

-- A change of an awarded grant: proposed by one, approved by another, and applied by its approval.
create table amendments (
    id               uuid primary key,
    grant_id         uuid not null references grants,
    number           integer not null check (number > 0),
    kind             text not null check (kind in ('AMOUNT', 'PERIOD', 'BUDGET', 'SCOPE')),
    status           text not null check (status in ('PROPOSED', 'APPROVED', 'DECLINED')),
    reason           text not null check (btrim(reason) <> ''),
    document_id      uuid references grant_documents,
    -- Of a PERIOD: what the dates become; a date that is null stays as it was.
    performance_end  date,
    encumber_by      date,
    liquidate_by     date,
    final_invoice_by date,
    -- Of a SCOPE: what the grant is for from then on.
    title            text check (btrim(title) <> ''),
    scope            text check (btrim(scope) <> ''),
    -- From when it counts; of a proposal the day that is wanted, if one is.
    effective_on     date,
    -- When it took effect in the ledger or in the grant: a day to come is waited for.
    applied_at       timestamptz,
    proposed_by      uuid not null references people,
    proposed_at      timestamptz not null,
    decided_by       uuid references people,
    decided_at       timestamptz,
    decision_reason  text,
    constraint amendments_number_once unique (grant_id, number),
    constraint amendments_decided_by_another check (decided_by <> proposed_by),
    constraint amendments_decided
        check ((status = 'PROPOSED') = (decided_by is null) and (decided_by is null) = (decided_at is null)),
    constraint amendments_approved_has_day check (status <> 'APPROVED' or effective_on is not null),
    constraint amendments_applied_when_approved check (applied_at is null or status = 'APPROVED'),
    constraint amendments_period
        check ((kind = 'PERIOD') = (num_nonnulls(performance_end, encumber_by, liquidate_by, final_invoice_by) > 0)),
    constraint amendments_scope check ((kind = 'SCOPE') = (num_nonnulls(title, scope) > 0))
);

-- What an AMOUNT or BUDGET amendment does to lines: an amount and a direction, never a sign.
create table amendment_lines (
    amendment_id uuid not null references amendments,
    line_id      uuid not null references budget_lines,
    direction    text not null check (direction in ('INCREASE', 'DECREASE')),
    amount       numeric(14, 2) not null constraint amendment_lines_positive check (amount > 0),
    primary key (amendment_id, line_id)
);
create trigger amendment_lines_append_only before update or delete on amendment_lines
    for each row execute function refuse_change();
create trigger amendment_lines_no_truncate before truncate on amendment_lines
    for each statement execute function refuse_change();
revoke update on amendment_lines from thrive_app;

create function guard_amendment() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        if new.status <> 'PROPOSED' then
            raise exception 'an amendment begins as a proposal'
                using errcode = 'check_violation', constraint = 'amendments_transition';
        end if;
        return new;
    end if;
    if old.status = 'PROPOSED' and new.status = 'PROPOSED'
       or old.status <> 'PROPOSED'
          and ((new.status, new.decided_by, new.decided_at, new.decision_reason, new.effective_on)
               is distinct from (old.status, old.decided_by, old.decided_at, old.decision_reason, old.effective_on)
               or old.applied_at is not null) then
        raise exception 'an amendment is decided once, and applied once'
            using errcode = 'check_violation', constraint = 'amendments_transition';
    end if;
    if (new.id, new.grant_id, new.number, new.kind, new.reason, new.document_id, new.performance_end, new.encumber_by,
        new.liquidate_by, new.final_invoice_by, new.title, new.scope, new.proposed_by, new.proposed_at)
       is distinct from
       (old.id, old.grant_id, old.number, old.kind, old.reason, old.document_id, old.performance_end, old.encumber_by,
        old.liquidate_by, old.final_invoice_by, old.title, old.scope, old.proposed_by, old.proposed_at) then
        raise exception 'a proposal keeps its terms'
            using errcode = 'check_violation', constraint = 'amendments_fixed';
    end if;
    return new;
end $$;
create trigger amendments_guard before insert or update on amendments for each row execute function guard_amendment();
create trigger amendments_no_delete before delete on amendments for each row execute function refuse_change();
create trigger amendments_no_truncate before truncate on amendments for each statement execute function refuse_change();

-- The amendment that gave a grant its present dates; and what the accounting system calls the grant.
-- Bank account numbers are never stored.
alter table grants
    add column period_amendment_id uuid references amendments,
    add column vendor_number text check (btrim(vendor_number) <> ''),
    add column purchase_order text check (btrim(purchase_order) <> ''),
    add column fund_string text check (btrim(fund_string) <> ''),
    add column closing_since date,
    add column ended_on date;

create or replace function guard_grant() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
    amendment amendments;
begin
    if old.status <> 'DRAFT'
       and (new.number, new.program_id, new.recipient_id, new.parent_id, new.amount, new.performance_start,
            new.drafted_by, new.awarded_by, new.awarded_at)
           is distinct from
           (old.number, old.program_id, old.recipient_id, old.parent_id, old.amount, old.performance_start,
            old.drafted_by, old.awarded_by, old.awarded_at)
       or new.status = 'DRAFT' and old.status <> 'DRAFT' then
        raise exception 'an awarded grant keeps its terms'
            using errcode = 'check_violation', constraint = 'grants_fixed';
    end if;
    if old.status <> 'DRAFT'
       and (new.performance_end, new.encumber_by, new.liquidate_by, new.final_invoice_by)
           is distinct from
           (old.performance_end, old.encumber_by, old.liquidate_by, old.final_invoice_by) then
        select * into amendment from amendments
         where id = new.period_amendment_id and grant_id = new.id and status = 'APPROVED' and kind = 'PERIOD'
           and id is distinct from old.period_amendment_id;
        if amendment.id is null
           or (new.performance_end, new.encumber_by, new.liquidate_by, new.final_invoice_by)
              is distinct from
              (coalesce(amendment.performance_end, old.performance_end),
               coalesce(amendment.encumber_by, old.encumber_by),
               coalesce(amendment.liquidate_by, old.liquidate_by),
               coalesce(amendment.final_invoice_by, old.final_invoice_by)) then
            raise exception 'the dates of an awarded grant change by an approved amendment only'
                using errcode = 'check_violation', constraint = 'grants_fixed';
        end if;
    end if;
    return new;
end $$;

-- The lines sum to what is to be awarded, and once awarded to what is; and what the recipient may use
-- is what the funder gives. Checked when the transaction ends, as both sides move one after another.
create function check_budget(subject uuid) returns void language plpgsql stable
    set search_path = public, pg_temp as $$
declare
    drafted numeric;
    state   text;
    lines   numeric;
begin
    select status, amount into state, drafted from grants where id = subject;
    select coalesce(sum(amount), 0) into lines from budget_lines where grant_id = subject;
    if grant_balance(subject, 'SRC_PAY') <> grant_balance(subject, 'SRC_USE') then
        raise exception 'what is awarded and what may be used differ'
            using errcode = 'check_violation', constraint = 'ledger_chains_equal';
    end if;
    if lines is distinct from (case when state = 'DRAFT' then drafted else -grant_balance(subject, 'SRC_PAY') end) then
        raise exception 'the budget lines do not sum to the award'
            using errcode = 'check_violation', constraint = 'budget_lines_sum';
    end if;
end $$;

create function check_budget_of_grant() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_table_name = 'ledger_transfers' then
        perform check_budget(grant_id) from ledger_accounts where id = new.from_account;
    elsif tg_table_name = 'grants' then
        perform check_budget(new.id);
    else
        perform check_budget(new.grant_id);
    end if;
    return null;
end $$;
create constraint trigger budget_lines_sum after insert or update on budget_lines
    deferrable initially deferred for each row execute function check_budget_of_grant();
create constraint trigger grants_budget_sum after insert or update of amount, status on grants
    deferrable initially deferred for each row execute function check_budget_of_grant();
create constraint trigger ledger_transfers_budget after insert on ledger_transfers
    deferrable initially deferred for each row
    when (new.kind in ('AWARD', 'AMEND_UP', 'AMEND_DOWN') and new.from_kind not in ('SRC_ADV', 'ADVANCE_ROOM'))
    execute function check_budget_of_grant();

-- Nothing is on its way in a grant that ended: it is paid, claimed, matched, or has lapsed.
create function check_grant_ended() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
    open text;
begin
    select kind into open from ledger_accounts
     where grant_id = new.id and balance <> 0
       and kind not in ('PAID', 'CLAIMED', 'MATCH_MET', 'LAPSED', 'LAPSED_USE') and kind not like 'SRC%'
     limit 1;
    if found then
        raise exception 'the grant still has money in %', open
            using errcode = 'check_violation', constraint = 'grants_ended_clean';
    end if;
    return null;
end $$;
create constraint trigger grants_ended_clean after update of status on grants
    deferrable initially deferred for each row when (new.status in ('CLOSED', 'TERMINATED'))
    execute function check_grant_ended();

-- What is adjusted afterwards leaves nothing open either.
create function check_ended_grant_stays() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if exists (select from ledger_accounts source
                 join grants g on g.id = source.grant_id and g.status in ('CLOSED', 'TERMINATED')
                 join ledger_accounts a on a.grant_id = g.id and a.balance <> 0
                where source.id = new.from_account
                  and a.kind not in ('PAID', 'CLAIMED', 'MATCH_MET', 'LAPSED', 'LAPSED_USE') and a.kind not like 'SRC%') then
        raise exception 'a closed grant keeps no money open'
            using errcode = 'check_violation', constraint = 'grants_ended_clean';
    end if;
    return null;
end $$;
create constraint trigger ledger_transfers_ended after insert on ledger_transfers
    deferrable initially deferred for each row when (new.kind in ('REFUND', 'DISALLOW'))
    execute function check_ended_grant_stays();
