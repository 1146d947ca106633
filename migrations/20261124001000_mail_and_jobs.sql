-- The outbox: a message is queued in the transaction of its cause and sent
-- afterwards, each marked by itself.
create table emails (
    id             uuid primary key,
    -- What queued it, for whom and for which day: at most one message each.
    job            text not null,
    kind           text not null,
    person_id      uuid not null references people,
    run_on         date not null,
    -- As they were when it was queued.
    recipient      text not null,
    recipient_name text not null,
    subject        text not null,
    body_text      text not null,
    body_html      text,
    message_id     text not null,
    status         text not null check (status in ('QUEUED', 'SENT', 'FAILED')),
    attempts       integer not null default 0,
    -- A sender holds the message until then; a dead sender's hold runs out.
    claimed_until  timestamptz,
    next_try_at    timestamptz not null,
    last_error     text,
    queued_at      timestamptz not null,
    sent_at        timestamptz,
    updated_at     timestamptz not null,
    constraint emails_once unique (job, person_id, run_on, kind),
    constraint emails_message_id_once unique (message_id),
    constraint emails_sent check ((status = 'SENT') = (sent_at is not null))
);
create index on emails (next_try_at, id) where status = 'QUEUED';
create index on emails (person_id, id);
create index on emails (updated_at);

-- Which reminder of which deadline reached whom, and in which message. A new
-- due date arms the reminders again.
create table reminders (
    person_id   uuid not null references people,
    deadline_id uuid not null references deadlines,
    kind        text not null check (kind in ('DUE', 'OVERDUE')),
    offset_days integer not null,
    due_on      date not null,
    -- Checked at the end of the transaction: a digest is written from the
    -- reminders that it carries, so they come first.
    email_id    uuid not null references emails deferrable initially deferred,
    created_at  timestamptz not null,
    constraint reminders_once primary key (person_id, deadline_id, kind, offset_days, due_on)
);
create index on reminders (deadline_id);
create index on reminders (email_id);

-- When each job runs next. The row is the lease: whoever moves claimed_until
-- forward runs the job, and run_number fences out a runner that lost it.
create table jobs (
    name          text primary key,
    -- From its job.toml; when that changes, next_run_at is computed anew.
    schedule      text not null,
    next_run_at   timestamptz not null,
    claimed_until timestamptz,
    run_number    bigint not null default 0,
    -- Since the last success; they space out the retries.
    failures      integer not null default 0
);

create table job_runs (
    id          uuid primary key,
    job         text not null references jobs,
    run_number  bigint not null,
    run_on      date not null,
    by_hand     boolean not null,
    started_at  timestamptz not null,
    finished_at timestamptz,
    outcome     text not null check (outcome in ('RUNNING', 'SUCCEEDED', 'FAILED')),
    summary     text,
    constraint job_runs_once unique (job, run_number),
    constraint job_runs_finished check ((outcome = 'RUNNING') = (finished_at is null))
);
