-- What a recipient hands in, from due to certified. The states a report may pass through are rows, so that
-- the database refuses the others.
create table report_statuses (
    status text primary key
);
insert into report_statuses (status) values ('DUE'), ('SUBMITTED'), ('RETURNED'), ('ACCEPTED'), ('CERTIFIED');

create table report_transitions (
    from_status text not null references report_statuses,
    to_status   text not null references report_statuses,
    primary key (from_status, to_status)
);
insert into report_transitions (from_status, to_status) values
    ('DUE', 'SUBMITTED'), ('SUBMITTED', 'RETURNED'), ('SUBMITTED', 'ACCEPTED'), ('RETURNED', 'SUBMITTED'),
    ('ACCEPTED', 'CERTIFIED');
revoke insert, update, delete, truncate on report_statuses, report_transitions from thrive_app;

create table reports (
    id              uuid primary key,
    grant_id        uuid not null references grants,
    -- The deadline that reminds of it, open while it is to be handed in. Both have one number.
    deadline_id     uuid not null constraint reports_deadline_once unique references deadlines,
    kind            text not null check (kind in ('PROGRESS', 'FINANCIAL', 'CLOSEOUT')),
    period_start    date not null,
    period_end      date not null,
    due_on          date not null,
    -- The last of its kind, which a closeout waits for.
    is_final        boolean not null,
    status          text not null references report_statuses,
    -- Its deadline was withdrawn before anything was handed in: nobody is asked for it.
    withdrawn       boolean not null default false,
    -- Of the period, in US dollars, as handed in (2 CFR 200.307 and 200.305).
    program_income  numeric(14, 2) constraint reports_program_income_not_negative check (program_income >= 0),
    interest_earned numeric(14, 2) constraint reports_interest_earned_not_negative check (interest_earned >= 0),
    narrative       text,
    url             text constraint reports_url_form check (url ~ '^https?://'),
    sha256          text constraint reports_sha256_form check (sha256 ~ '^[0-9a-f]{64}$'),
    submitted_by    uuid references people,
    submitted_at    timestamptz,
    -- Why it was returned; gone when it is handed in again, and kept with the event.
    reason          text,
    accepted_by     uuid references people,
    accepted_at     timestamptz,
    certified_by    uuid references people,
    certified_at    timestamptz,
    revision        integer not null default 1,
    created_at      timestamptz not null,
    updated_at      timestamptz not null,
    constraint reports_numbered_as_deadline check (id = deadline_id),
    constraint reports_period check (period_end >= period_start),
    constraint reports_file_has_hash check (num_nonnulls(url, sha256) in (0, 2)),
    constraint reports_withdrawn_when_due check (not withdrawn or status = 'DUE'),
    constraint reports_submitted
        check ((status = 'DUE') = (submitted_by is null) and (submitted_by is null) = (submitted_at is null)),
    constraint reports_given_when_submitted
        check (status <> 'DUE' or num_nonnulls(program_income, interest_earned, narrative, url) = 0),
    constraint reports_returned_with_reason check (status <> 'RETURNED' or btrim(coalesce(reason, '')) <> ''),
    constraint reports_accepted
        check ((status in ('ACCEPTED', 'CERTIFIED')) = (accepted_by is not null)
               and (accepted_by is null) = (accepted_at is null)),
    constraint reports_certified
        check ((status = 'CERTIFIED') = (certified_by is not null) and (certified_by is null) = (certified_at is null)),
    constraint reports_acceptor_is_another check (accepted_by <> submitted_by),
    constraint reports_certifier_is_another check (certified_by <> submitted_by and certified_by <> accepted_by),
    -- What is certified no longer changes, so its period has to be over, in California.
    constraint reports_certified_when_over
        check (period_end < (certified_at at time zone 'America/Los_Angeles')::date)
);
create index on reports (grant_id, due_on);
create index on reports (due_on, id) where status in ('DUE', 'RETURNED');
create index reports_closing_days on reports (grant_id, period_end)
    where status = 'CERTIFIED' and kind in ('FINANCIAL', 'CLOSEOUT');

-- The figures of a grant as a certified report tells them: what comes later does not change them.
create table report_figures (
    report_id uuid not null references reports,
    figure    text not null check (figure ~ '^[a-z][A-Za-z0-9]*$'),
    amount    numeric(14, 2) not null,
    primary key (report_id, figure)
);

create function guard_report_figure() returns trigger language plpgsql
    set search_path = public, pg_temp as $$
begin
    if not exists (select from reports where id = new.report_id and status = 'ACCEPTED') then
        raise exception 'figures are stored while an accepted report is certified'
            using errcode = 'check_violation', constraint = 'report_figures_at_certification';
    end if;
    return new;
end $$;
create trigger report_figures_guard before insert on report_figures
    for each row execute function guard_report_figure();
create trigger report_figures_append_only before update or delete on report_figures
    for each row execute function refuse_change();
create trigger report_figures_no_truncate before truncate on report_figures
    for each statement execute function refuse_change();
revoke update, delete, truncate on report_figures from thrive_app;

create function guard_report() returns trigger language plpgsql
    set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        if new.status <> 'DUE' then
            raise exception 'a report begins as due'
                using errcode = 'check_violation', constraint = 'reports_transition';
        end if;
        return new;
    end if;
    if old.status = 'CERTIFIED' then
        raise exception 'a certified report stays as it is'
            using errcode = 'check_violation', constraint = 'reports_certified_fixed';
    end if;
    if new.status <> old.status and not exists (
        select from report_transitions t where t.from_status = old.status and t.to_status = new.status) then
        raise exception 'a report does not go from % to %', old.status, new.status
            using errcode = 'check_violation', constraint = 'reports_transition';
    end if;
    -- What it is about follows its deadline until it is handed in, and what was handed in stays until it is handed in again.
    if (new.grant_id, new.deadline_id, new.created_at) is distinct from (old.grant_id, old.deadline_id, old.created_at)
       or old.status not in ('DUE', 'RETURNED')
          and (new.kind, new.period_start, new.period_end, new.due_on, new.is_final)
              is distinct from (old.kind, old.period_start, old.period_end, old.due_on, old.is_final)
       or (old.status, new.status) not in (('DUE', 'SUBMITTED'), ('RETURNED', 'SUBMITTED'))
          and (new.program_income, new.interest_earned, new.narrative, new.url, new.sha256, new.submitted_by,
               new.submitted_at)
              is distinct from (old.program_income, old.interest_earned, old.narrative, old.url, old.sha256,
                                old.submitted_by, old.submitted_at)
       or old.accepted_by is not null
          and (new.accepted_by, new.accepted_at) is distinct from (old.accepted_by, old.accepted_at) then
        raise exception 'a report keeps what was handed in and decided'
            using errcode = 'check_violation', constraint = 'reports_fixed';
    end if;
    if new.status = 'CERTIFIED' and not exists (select from report_figures where report_id = new.id) then
        raise exception 'a report is certified with its figures'
            using errcode = 'check_violation', constraint = 'reports_certified_with_figures';
    end if;
    return new;
end $$;
create trigger reports_guard before insert or update on reports
    for each row execute function guard_report();
create trigger reports_no_delete before delete on reports
    for each row execute function refuse_change();
create trigger reports_no_truncate before truncate on reports
    for each statement execute function refuse_change();

-- What happened to a report, in order, with what was handed in.
create table report_events (
    id              uuid primary key,
    report_id       uuid not null references reports,
    status          text not null references report_statuses,
    person_id       uuid not null references people,
    reason          text,
    program_income  numeric(14, 2),
    interest_earned numeric(14, 2),
    narrative       text,
    url             text,
    sha256          text,
    occurred_at     timestamptz not null
);
create index on report_events (report_id, id);
create trigger report_events_append_only before update or delete on report_events
    for each row execute function refuse_change();
create trigger report_events_no_truncate before truncate on report_events
    for each statement execute function refuse_change();
revoke update, delete, truncate on report_events from thrive_app;

-- The deadline of a report is met by handing it in.
create function guard_report_deadline() returns trigger language plpgsql
    set search_path = public, pg_temp as $$
begin
    if exists (select from reports r
                where r.deadline_id = new.id and r.status in ('DUE', 'RETURNED') and not r.withdrawn) then
        raise exception 'the report of this deadline has not been handed in'
            using errcode = 'check_violation', constraint = 'deadlines_report_first';
    end if;
    return new;
end $$;
create trigger deadlines_report_first before update of status on deadlines
    for each row when (new.status = 'COMPLETED' and old.status <> 'COMPLETED')
    execute function guard_report_deadline();

-- Nothing is posted into days that a certified report has told the figures of. The grant is held, so that a report which is
-- certified at the same moment counts what was posted before, and refuses what comes after. As its owner: the service
-- need not be let to lock what it may not change.
create function refuse_certified_day() returns trigger language plpgsql
    security definer set search_path = public, pg_temp as $$
declare
    owner    uuid;
    last_day date;
begin
    for owner in
        select distinct grant_id from ledger_accounts
         where id in (new.from_account, new.to_account) and grant_id is not null order by grant_id
    loop
        perform 1 from grants where id = owner for share;
        select max(period_end) into last_day from reports
         where grant_id = owner and status = 'CERTIFIED' and kind in ('FINANCIAL', 'CLOSEOUT');
        if new.effective_on <= last_day then
            raise exception 'a certified report covers % and all days before', last_day
                using errcode = 'check_violation', constraint = 'ledger_transfers_certified';
        end if;
    end loop;
    return new;
end $$;
-- By its name before the trigger that moves balances: the grant is held before its accounts.
create trigger ledger_transfers_certified before insert on ledger_transfers
    for each row execute function refuse_certified_day();

-- Deadlines of reports that follow from awards and are open have a report from now on.
insert into reports (id, grant_id, deadline_id, kind, period_start, period_end, due_on, is_final, status, created_at,
                     updated_at)
select d.id, d.grant_id, d.id, case d.kind when 'PROGRESS_REPORT' then 'PROGRESS' when 'FINANCIAL_REPORT' then 'FINANCIAL'
                                           else 'CLOSEOUT' end,
       d.period_start, d.period_end, d.due_on, d.kind = 'CLOSEOUT' or d.period_end >= g.performance_end, 'DUE',
       d.created_at, d.updated_at
  from deadlines d
  join grants g on g.id = d.grant_id
 where d.obligation is not null and d.status = 'OPEN' and d.duty = 'RECIPIENT' and d.period_end is not null
   and d.kind in ('PROGRESS_REPORT', 'FINANCIAL_REPORT', 'CLOSEOUT');
