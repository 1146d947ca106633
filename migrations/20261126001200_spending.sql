-- The recipient's side: its purchase orders (encumbrances) and its costs (expenditures). A row is what
-- happened; where the money is, the ledger says. Neither is changed: it is liquidated, cancelled or reversed.
create table encumbrances (
    id            uuid primary key,
    grant_id      uuid not null references grants,
    line_id       uuid not null,
    amount        numeric(14, 2) not null constraint encumbrances_positive check (amount > 0),
    number        text not null check (btrim(number) <> ''),
    vendor        text not null check (btrim(vendor) <> ''),
    description   text not null check (btrim(description) <> ''),
    encumbered_on date not null,
    opening       boolean not null default false,
    recorded_by   uuid not null references people,
    recorded_at   timestamptz not null,
    foreign key (grant_id, line_id) references budget_lines (grant_id, id),
    constraint encumbrances_of_grant unique (grant_id, id)
);
create index on encumbrances (grant_id, encumbered_on, id);
create unique index encumbrances_number_once on encumbrances (grant_id, lower(btrim(number)));
create trigger encumbrances_append_only before update or delete on encumbrances
    for each row execute function refuse_change();
create trigger encumbrances_no_truncate before truncate on encumbrances
    for each statement execute function refuse_change();
revoke update on encumbrances from thrive_app;

create table encumbrance_cancellations (
    id             uuid primary key,
    encumbrance_id uuid not null references encumbrances,
    amount         numeric(14, 2) not null check (amount > 0),
    reason         text not null check (btrim(reason) <> ''),
    cancelled_by   uuid not null references people,
    cancelled_at   timestamptz not null
);
create index on encumbrance_cancellations (encumbrance_id);
create trigger encumbrance_cancellations_append_only before update or delete on encumbrance_cancellations
    for each row execute function refuse_change();
create trigger encumbrance_cancellations_no_truncate before truncate on encumbrance_cancellations
    for each statement execute function refuse_change();
revoke update on encumbrance_cancellations from thrive_app;

create table expenditures (
    id             uuid primary key,
    grant_id       uuid not null references grants,
    line_id        uuid not null,
    encumbrance_id uuid,
    amount         numeric(14, 2) not null constraint expenditures_positive check (amount > 0),
    incurred_on    date not null,
    -- When the ledger counts it: not before the award, nor in a closed month.
    effective_on   date not null,
    vendor         text check (btrim(vendor) <> ''),
    reference      text check (btrim(reference) <> ''),
    description    text not null check (btrim(description) <> ''),
    opening        boolean not null default false,
    recorded_by    uuid not null references people,
    recorded_at    timestamptz not null,
    reversed_by    uuid references people,
    reversed_at    timestamptz,
    reverse_reason text,
    constraint expenditures_counted_after check (effective_on >= incurred_on),
    constraint expenditures_reversed
        check ((reversed_at is null) = (reversed_by is null) and (reversed_at is null) = (reverse_reason is null)),
    foreign key (grant_id, line_id) references budget_lines (grant_id, id),
    foreign key (grant_id, encumbrance_id) references encumbrances (grant_id, id)
);
create index on expenditures (grant_id, incurred_on, id);
create index on expenditures (encumbrance_id) where encumbrance_id is not null;

create function guard_expenditure() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
    of_grant grants;
begin
    if tg_op = 'UPDATE' then
        if old.reversed_at is not null
           or (new.id, new.grant_id, new.line_id, new.encumbrance_id, new.amount, new.incurred_on, new.effective_on,
               new.vendor, new.reference, new.description, new.opening, new.recorded_by, new.recorded_at)
              is distinct from
              (old.id, old.grant_id, old.line_id, old.encumbrance_id, old.amount, old.incurred_on, old.effective_on,
               old.vendor, old.reference, old.description, old.opening, old.recorded_by, old.recorded_at) then
            raise exception 'an expenditure is reversed once and otherwise stays'
                using errcode = 'check_violation', constraint = 'expenditures_fixed';
        end if;
        return new;
    end if;
    select * into of_grant from grants where id = new.grant_id;
    if new.incurred_on not between of_grant.performance_start and of_grant.performance_end then
        raise exception 'costs may arise from % to %', of_grant.performance_start, of_grant.performance_end
            using errcode = 'check_violation', constraint = 'expenditures_in_period';
    end if;
    return new;
end $$;
create trigger expenditures_guard before insert or update on expenditures
    for each row execute function guard_expenditure();
create trigger expenditures_no_delete before delete on expenditures for each row execute function refuse_change();
create trigger expenditures_no_truncate before truncate on expenditures
    for each statement execute function refuse_change();

-- A cost, a purchase order and what became of them move money, or they are not there.
create function check_spending_posted() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if not exists (select from ledger_transfers t where t.cause_id = new.id and t.amount = new.amount) then
        raise exception 'nothing was posted for this'
            using errcode = 'check_violation', constraint = 'spending_posted';
    end if;
    return null;
end $$;
create constraint trigger expenditures_posted after insert on expenditures
    deferrable initially deferred for each row execute function check_spending_posted();
create constraint trigger encumbrances_posted after insert on encumbrances
    deferrable initially deferred for each row execute function check_spending_posted();
create constraint trigger encumbrance_cancellations_posted after insert on encumbrance_cancellations
    deferrable initially deferred for each row execute function check_spending_posted();
