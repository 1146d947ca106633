-- A disbursement is one payment towards a grant, from request to payment. The
-- states it may pass through are rows, so that the database refuses the others.
create table disbursement_statuses (
    status text primary key
);
insert into disbursement_statuses (status) values
    ('REQUESTED'), ('RETURNED'), ('APPROVED'), ('SCHEDULED'), ('PAID'), ('REJECTED'), ('CANCELLED'), ('REVERSED');

create table disbursement_transitions (
    from_status text not null references disbursement_statuses,
    to_status   text not null references disbursement_statuses,
    primary key (from_status, to_status)
);
insert into disbursement_transitions (from_status, to_status) values
    ('REQUESTED', 'RETURNED'), ('REQUESTED', 'APPROVED'), ('REQUESTED', 'REJECTED'), ('REQUESTED', 'CANCELLED'),
    ('RETURNED', 'REQUESTED'), ('RETURNED', 'CANCELLED'),
    ('APPROVED', 'SCHEDULED'), ('APPROVED', 'PAID'), ('APPROVED', 'CANCELLED'),
    ('SCHEDULED', 'APPROVED'), ('SCHEDULED', 'PAID'), ('SCHEDULED', 'CANCELLED'),
    ('PAID', 'REVERSED');
revoke insert, update, delete, truncate on disbursement_statuses, disbursement_transitions from thrive_app;

create table disbursements (
    id              uuid primary key,
    grant_id        uuid not null references grants,
    status          text not null references disbursement_statuses,
    kind            text not null check (kind in ('REIMBURSEMENT', 'ADVANCE', 'MILESTONE', 'RETENTION_RELEASE')),
    amount          numeric(14, 2) not null constraint disbursements_amount_positive check (amount > 0),
    -- Withheld from the payment until it is released.
    retained        numeric(14, 2) not null default 0 check (retained >= 0 and retained <= amount),
    invoice_number  text not null check (btrim(invoice_number) <> ''),
    period_start    date not null,
    period_end      date not null,
    requested_by    uuid not null references people,
    requested_at    timestamptz not null,
    approved_by     uuid references people,
    approved_at     timestamptz,
    scheduled_for   date,
    paid_by         uuid references people,
    paid_on         date,
    method          text check (method in ('WARRANT', 'ACH', 'WIRE', 'JOURNAL')),
    reference       text,
    -- Why it was returned, rejected, cancelled or reversed.
    reason          text,
    revision        integer not null default 1,
    updated_at      timestamptz not null,
    constraint disbursements_period check (period_end >= period_start),
    constraint disbursements_approver_is_another check (approved_by <> requested_by),
    constraint disbursements_payer_is_another check (paid_by <> requested_by and paid_by <> approved_by),
    constraint disbursements_approved_first
        check (status not in ('APPROVED', 'SCHEDULED', 'PAID', 'REVERSED') or approved_by is not null),
    constraint disbursements_scheduled_has_day check (status <> 'SCHEDULED' or scheduled_for is not null),
    constraint disbursements_paid_is_complete
        check (status not in ('PAID', 'REVERSED')
               or (paid_by is not null and paid_on is not null and method is not null and reference is not null))
);
create index on disbursements (grant_id, id);
create index on disbursements (status, id);
create index on disbursements (paid_on);
-- One invoice is paid once: case and spaces at the ends do not make another.
create unique index disbursements_invoice_once on disbursements (grant_id, lower(btrim(invoice_number)))
    where status not in ('REJECTED', 'CANCELLED', 'REVERSED');

create function guard_disbursement() returns trigger language plpgsql
    set search_path = public, pg_temp as $$
declare
    last_day date;
begin
    if tg_op = 'INSERT' then
        if new.status <> 'REQUESTED' then
            raise exception 'a disbursement begins as a request'
                using errcode = 'check_violation', constraint = 'disbursements_transition';
        end if;
        return new;
    end if;
    if new.status <> old.status and not exists (
        select from disbursement_transitions t where t.from_status = old.status and t.to_status = new.status) then
        raise exception 'a disbursement does not go from % to %', old.status, new.status
            using errcode = 'check_violation', constraint = 'disbursements_transition';
    end if;
    -- While money is reserved for a request it keeps its terms; only a returned one is corrected.
    if old.status <> 'RETURNED'
       and (new.amount, new.retained, new.kind, new.invoice_number, new.period_start, new.period_end, new.requested_by)
           is distinct from
           (old.amount, old.retained, old.kind, old.invoice_number, old.period_start, old.period_end, old.requested_by)
       or (new.grant_id, new.requested_at) is distinct from (old.grant_id, old.requested_at) then
        raise exception 'a disbursement keeps its terms unless it was returned'
            using errcode = 'check_violation', constraint = 'disbursements_fixed';
    end if;
    if old.approved_by is not null and (new.approved_by, new.approved_at) is distinct from (old.approved_by, old.approved_at)
       or old.paid_on is not null
          and (new.paid_by, new.paid_on, new.method, new.reference)
              is distinct from (old.paid_by, old.paid_on, old.method, old.reference) then
        raise exception 'what was decided and paid stays as it was'
            using errcode = 'check_violation', constraint = 'disbursements_fixed';
    end if;
    if new.status = 'PAID' and old.status <> 'PAID' then
        select liquidate_by into last_day from grants where id = new.grant_id;
        if new.paid_on > last_day then
            raise exception 'the grant had to be liquidated by %', last_day
                using errcode = 'check_violation', constraint = 'disbursements_paid_in_time';
        end if;
    end if;
    return new;
end $$;

create trigger disbursements_guard before insert or update on disbursements
    for each row execute function guard_disbursement();

-- What happened to a disbursement, in order. Each event causes its own entries
-- in the ledger.
create table disbursement_events (
    id              uuid primary key,
    disbursement_id uuid not null references disbursements,
    status          text not null references disbursement_statuses,
    person_id       uuid not null references people,
    reason          text,
    occurred_at     timestamptz not null
);
create index on disbursement_events (disbursement_id, id);
create trigger disbursement_events_append_only before update or delete on disbursement_events
    for each row execute function refuse_change();
create trigger disbursement_events_no_truncate before truncate on disbursement_events
    for each statement execute function refuse_change();
revoke update, delete, truncate on disbursement_events from thrive_app;
