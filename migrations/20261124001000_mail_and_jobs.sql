-- The outbox: a message is queued in the transaction of its cause and sent
-- afterwards, each marked by itself.
create table emails (
    id            uuid primary key,
    -- What queued it, for whom and for which day: at most one message each.
    job           text not null,
    kind          text not null,
    person_id     uuid not null references people,
    run_on        date not null,
    recipient     text not null,
    subject       text not null,
    body_text     text not null,
    body_html     text,
    message_id    text not null,
    status        text not null check (status in ('QUEUED', 'SENT', 'FAILED')),
    attempts      integer not null default 0,
    -- A sender holds the message until then; a dead sender's hold runs out.
    claimed_until timestamptz,
    next_try_at   timestamptz not null,
    last_error    text,
    queued_at     timestamptz not null,
    updated_at    timestamptz not null,
    sent_at       timestamptz,
    constraint emails_once unique (job, person_id, run_on, kind),
    constraint emails_message_id_once unique (message_id),
    constraint emails_sent check ((status = 'SENT') = (sent_at is not null))
);
create index on emails (next_try_at, id) where status = 'QUEUED';
create index on emails (person_id, id);

-- Which reminder of which deadline reached whom, and in which message. A new
-- due date arms the reminders again.
create table reminders (
    id          uuid primary key,
    person_id   uuid not null references people,
    deadline_id uuid not null references deadlines,
    kind        text not null check (kind in ('DUE', 'OVERDUE')),
    offset_days integer not null,
    due_on      date not null,
    email_id    uuid not null references emails,
    created_at  timestamptz not null,
    constraint reminders_once unique (person_id, deadline_id, kind, offset_days, due_on)
);
create index on reminders (deadline_id);
create index on reminders (email_id);

-- When each job runs next. The row is the lease: whoever moves claimed_until
-- forward runs the job, and run_number fences out a runner that lost it.
create table jobs (
    name          text primary key,
    next_run_at   timestamptz not null,
    claimed_until timestamptz,
    run_number    bigint not null default 0
);

create table job_runs (
    id          uuid primary key,
    job         text not null,
    run_on      date not null,
    run_number  bigint not null,
    started_at  timestamptz not null,
    finished_at timestamptz not null,
    outcome     text not null check (outcome in ('SUCCEEDED', 'FAILED')),
    summary     text not null
);
create index on job_runs (job, id);
