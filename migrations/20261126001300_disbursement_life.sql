-- The whole life of a disbursement: lines, approval in part, retention, and what happens after payment.
alter table disbursements
    add column approved_amount numeric(14, 2)
        constraint disbursements_approved_in_part check (approved_amount > 0 and approved_amount <= amount),
    -- Whoever approved in an absent approver's place.
    add column approved_for uuid references people,
    -- Each time it is sent in its lines are written anew.
    add column submission integer not null default 1 check (submission > 0),
    add column certified_by_name text check (btrim(certified_by_name) <> ''),
    add column certified_by_title text check (btrim(certified_by_title) <> ''),
    add column certified_at timestamptz,
    add column vendor_number text check (btrim(vendor_number) <> ''),
    add column purchase_order text check (btrim(purchase_order) <> ''),
    add column fund_string text check (btrim(fund_string) <> ''),
    add column warrant_number text check (btrim(warrant_number) <> ''),
    add column opening boolean not null default false,
    add constraint disbursements_certified
        check (num_nonnulls(certified_by_name, certified_by_title, certified_at) in (0, 3)),
    add constraint disbursements_delegate_is_another
        check (approved_for <> approved_by and approved_for <> requested_by),
    -- A release of retention was decided with what it was withheld from: nobody asks for it.
    alter column requested_by drop not null,
    add constraint disbursements_requested_by_somebody check (requested_by is not null or kind = 'RETENTION_RELEASE');

-- All that were approved before were approved in full.
alter table disbursements disable trigger disbursements_guard;
update disbursements set approved_amount = amount where approved_by is not null;
alter table disbursements enable trigger disbursements_guard;
alter table disbursements
    add constraint disbursements_approved_has_amount check ((approved_by is null) = (approved_amount is null)),
    drop constraint if exists disbursements_check,
    drop constraint if exists disbursements_retained_check,
    add constraint disbursements_retained_within check (retained >= 0 and retained <= coalesce(approved_amount, amount));

-- What of a request each budget line bears, each time it was sent in.
create table disbursement_lines (
    disbursement_id uuid not null references disbursements,
    submission      integer not null,
    line_id         uuid not null references budget_lines,
    amount          numeric(14, 2) not null constraint disbursement_lines_positive check (amount > 0),
    approved_amount numeric(14, 2) check (approved_amount >= 0 and approved_amount <= amount),
    -- Costs that nobody had recorded before: the request itself tells of them.
    new_costs       numeric(14, 2) not null default 0 check (new_costs >= 0 and new_costs <= amount),
    primary key (disbursement_id, submission, line_id)
);
create index on disbursement_lines (line_id);
create function guard_disbursement_line() returns trigger language plpgsql as $$
begin
    if (new.disbursement_id, new.submission, new.line_id, new.amount)
       is distinct from (old.disbursement_id, old.submission, old.line_id, old.amount)
       or old.approved_amount is not null and new.approved_amount is distinct from old.approved_amount then
        raise exception 'a line of a request stays as it was sent in, and is decided once'
            using errcode = 'check_violation', constraint = 'disbursement_lines_fixed';
    end if;
    return new;
end $$;
create trigger disbursement_lines_guard before update on disbursement_lines
    for each row execute function guard_disbursement_line();

-- What a request rests on.
create table disbursement_evidence (
    disbursement_id uuid not null references disbursements,
    document_id     uuid not null references grant_documents,
    primary key (disbursement_id, document_id)
);

-- What a release of retention takes from which payment.
create table retention_release_parts (
    release_id uuid not null references disbursements,
    payment_id uuid not null references disbursements,
    amount     numeric(14, 2) not null check (amount > 0),
    primary key (release_id, payment_id),
    constraint retention_release_parts_two check (release_id <> payment_id)
);
create trigger retention_release_parts_append_only before update or delete on retention_release_parts
    for each row execute function refuse_change();
revoke update on retention_release_parts from thrive_app;

-- What happens to a payment afterwards: part of it comes back, is disallowed, or an advance is accounted for.
create table payment_adjustments (
    id              uuid primary key,
    disbursement_id uuid not null references disbursements,
    kind            text not null check (kind in ('REFUND', 'DISALLOWANCE', 'ACCOUNTING')),
    amount          numeric(14, 2) not null constraint payment_adjustments_positive check (amount > 0),
    -- Of a disallowance: the part that was still withheld.
    retained        numeric(14, 2) not null default 0 check (retained >= 0 and retained <= amount),
    effective_on    date not null,
    reference       text check (btrim(reference) <> ''),
    reason          text not null check (btrim(reason) <> ''),
    recorded_by     uuid not null references people,
    recorded_at     timestamptz not null
);
create index on payment_adjustments (disbursement_id, id);
create trigger payment_adjustments_append_only before update or delete on payment_adjustments
    for each row execute function refuse_change();
create trigger payment_adjustments_no_truncate before truncate on payment_adjustments
    for each statement execute function refuse_change();
revoke update on payment_adjustments from thrive_app;

create table payment_adjustment_lines (
    adjustment_id uuid not null references payment_adjustments,
    line_id       uuid not null references budget_lines,
    amount        numeric(14, 2) not null check (amount > 0),
    primary key (adjustment_id, line_id)
);
create index on payment_adjustment_lines (line_id);
create trigger payment_adjustment_lines_append_only before update or delete on payment_adjustment_lines
    for each row execute function refuse_change();
revoke update on payment_adjustment_lines from thrive_app;

-- No more is adjusted than was paid: of each payment, and of each of its lines.
create function check_adjusted() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
    paid       disbursements;
    refunded   numeric;
    disallowed numeric;
    accounted  numeric;
begin
    select * into paid from disbursements where id = new.disbursement_id for update;
    if paid.status <> 'PAID' then
        raise exception 'only what is paid is adjusted'
            using errcode = 'check_violation', constraint = 'payment_adjustments_of_paid';
    end if;
    select coalesce(sum(amount) filter (where kind = 'REFUND'), 0),
           coalesce(sum(amount) filter (where kind = 'DISALLOWANCE'), 0),
           coalesce(sum(amount) filter (where kind = 'ACCOUNTING'), 0)
      into refunded, disallowed, accounted
      from payment_adjustments where disbursement_id = new.disbursement_id;
    -- Of an advance nothing is a cost but what was accounted for.
    if (case paid.kind when 'ADVANCE' then refunded + accounted > paid.approved_amount or disallowed > accounted
                      else refunded + disallowed > paid.approved_amount or accounted > 0 end) then
        raise exception 'more is adjusted than was paid'
            using errcode = 'check_violation', constraint = 'payment_adjustments_within';
    end if;
    if not exists (select from ledger_transfers t where t.cause_id = new.id) then
        raise exception 'nothing was posted for this'
            using errcode = 'check_violation', constraint = 'spending_posted';
    end if;
    return null;
end $$;
create constraint trigger payment_adjustments_within after insert on payment_adjustments
    deferrable initially deferred for each row execute function check_adjusted();

create or replace function guard_disbursement() returns trigger language plpgsql
    set search_path = public, pg_temp as $$
declare
    last_day date;
begin
    -- A release of retention repeats periods that were checked.
    if new.kind <> 'RETENTION_RELEASE'
       and (tg_op = 'INSERT' or (new.period_start, new.period_end) is distinct from (old.period_start, old.period_end))
       and not exists (select from grants g
                        where g.id = new.grant_id and new.period_start >= g.performance_start
                          and new.period_end <= g.performance_end) then
        raise exception 'costs arise inside the period of performance'
            using errcode = 'check_violation', constraint = 'disbursements_in_period';
    end if;
    if tg_op = 'INSERT' then
        if new.status <> (case new.kind when 'RETENTION_RELEASE' then 'APPROVED' else 'REQUESTED' end) then
            raise exception 'a disbursement begins as a request, and a release of retention is decided with it'
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
       and (new.amount, new.kind, new.invoice_number, new.period_start, new.period_end, new.requested_by,
            new.submission, new.certified_by_name, new.certified_by_title, new.certified_at)
           is distinct from
           (old.amount, old.kind, old.invoice_number, old.period_start, old.period_end, old.requested_by,
            old.submission, old.certified_by_name, old.certified_by_title, old.certified_at)
       or (new.grant_id, new.requested_at, new.opening) is distinct from (old.grant_id, old.requested_at, old.opening)
       -- Withheld with the payment, and not otherwise.
       or new.retained <> old.retained and not (new.status = 'PAID' and old.status in ('APPROVED', 'SCHEDULED')) then
        raise exception 'a disbursement keeps its terms unless it was returned'
            using errcode = 'check_violation', constraint = 'disbursements_fixed';
    end if;
    if old.approved_by is not null
       and (new.approved_by, new.approved_at, new.approved_amount, new.approved_for)
           is distinct from (old.approved_by, old.approved_at, old.approved_amount, old.approved_for)
       or old.paid_on is not null
          and (new.paid_by, new.paid_on, new.method, new.reference, new.warrant_number)
              is distinct from (old.paid_by, old.paid_on, old.method, old.reference, old.warrant_number) then
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

-- What a grant's disbursements are, and where its money is, are told apart nowhere: what waits is reserved,
-- what is approved is set aside, and each line of it is claimed.
create function check_disbursements(subject uuid) returns void language plpgsql stable
    set search_path = public, pg_temp as $$
declare
    waiting numeric;
    decided numeric;
    claimed numeric;
begin
    select coalesce(sum(amount) filter (where status = 'REQUESTED'), 0),
           coalesce(sum(approved_amount) filter (where status in ('APPROVED', 'SCHEDULED')), 0)
      into waiting, decided
      from disbursements where grant_id = subject and status in ('REQUESTED', 'APPROVED', 'SCHEDULED');
    select coalesce(sum(coalesce(l.approved_amount, l.amount)), 0) into claimed
      from disbursements d join disbursement_lines l on l.disbursement_id = d.id and l.submission = d.submission
     where d.grant_id = subject and d.status in ('REQUESTED', 'APPROVED', 'SCHEDULED');
    if (waiting, decided, claimed)
       is distinct from (grant_balance(subject, 'REQUESTED'), grant_balance(subject, 'APPROVED'),
                         grant_balance(subject, 'CLAIM_PENDING')) then
        raise exception 'the disbursements of the grant and its ledger differ'
            using errcode = 'check_violation', constraint = 'disbursements_in_ledger';
    end if;
end $$;

create function check_disbursement() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
    posted numeric;
begin
    perform check_disbursements(new.grant_id);
    if new.status in ('REQUESTED', 'APPROVED', 'SCHEDULED') and new.kind in ('REIMBURSEMENT', 'MILESTONE')
       and (select sum(coalesce(approved_amount, amount)) from disbursement_lines
             where disbursement_id = new.id and submission = new.submission)
           is distinct from coalesce(new.approved_amount, new.amount) then
        raise exception 'the lines do not sum to the amount'
            using errcode = 'check_violation', constraint = 'disbursement_lines_sum';
    end if;
    if new.status in ('PAID', 'REVERSED') and tg_op = 'UPDATE' and old.status <> new.status then
        select sum(t.amount) into posted
          from ledger_transfers t join disbursement_events e on e.id = t.cause_id
         where e.disbursement_id = new.id
           and case new.status when 'PAID' then t.kind = 'PAY' and t.to_kind = 'PAID'
                                   else t.kind = 'REVERSE_PAYMENT' and t.from_kind = 'PAID' end;
        if coalesce(posted, 0) <> new.approved_amount - new.retained then
            raise exception 'the payment is not posted'
                using errcode = 'check_violation', constraint = 'disbursements_in_ledger';
        end if;
    end if;
    return null;
end $$;
create constraint trigger disbursements_in_ledger after insert or update on disbursements
    deferrable initially deferred for each row execute function check_disbursement();

create function check_transfer_of_disbursement() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    perform check_disbursements(grant_id) from ledger_accounts where id = new.from_account;
    return null;
end $$;
create constraint trigger ledger_transfers_of_disbursements after insert on ledger_transfers
    deferrable initially deferred for each row
    when (new.from_kind in ('REQUESTED', 'APPROVED', 'CLAIM_PENDING')
          or new.to_kind in ('REQUESTED', 'APPROVED', 'CLAIM_PENDING'))
    execute function check_transfer_of_disbursement();
create index disbursements_pending on disbursements (grant_id) where status in ('REQUESTED', 'APPROVED', 'SCHEDULED');
