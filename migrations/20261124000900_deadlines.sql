-- What is due, when, and by whom. Mail follows from these rows, never from the
-- day on which a job happens to run.
create table deadlines (
    id            uuid primary key,
    kind          text not null,
    title         text not null check (btrim(title) <> ''),
    grant_id      uuid references grants,
    city_id       uuid references cities,
    due_on        date not null,
    -- A deadline without a time is due at the end of its day.
    due_time      time,
    zone          text not null default 'America/Los_Angeles',
    status        text not null check (status in ('OPEN', 'COMPLETED', 'WAIVED')),
    snoozed_until date,
    reason        text,
    settled_at    timestamptz,
    settled_by    uuid references people,
    revision      integer not null default 1,
    created_at    timestamptz not null,
    updated_at    timestamptz not null,
    constraint deadlines_about_something check (grant_id is not null or city_id is not null),
    constraint deadlines_waived_with_reason check (status <> 'WAIVED' or btrim(coalesce(reason, '')) <> ''),
    constraint deadlines_settled check ((status = 'OPEN') = (settled_at is null))
);
create index on deadlines (due_on, id) where status = 'OPEN';
create index on deadlines (grant_id);
create index on deadlines (city_id);

create table deadline_people (
    deadline_id uuid not null references deadlines,
    person_id   uuid not null references people,
    primary key (deadline_id, person_id)
);
create index on deadline_people (person_id);

-- How many days ahead each kind of deadline is announced. A negative offset is
-- days overdue; after the last one it goes on weekly.
create table reminder_lead_times (
    kind        text not null,
    offset_days integer not null,
    primary key (kind, offset_days)
);
insert into reminder_lead_times (kind, offset_days)
select kind, unnest(days)
  from (values ('APPLICATION', array[30, 14, 7, 3, 1]),
               ('LETTER_OF_INTENT', array[14, 7, 1]),
               ('PROGRESS_REPORT', array[30, 14, 7, 1]),
               ('FINANCIAL_REPORT', array[30, 14, 7, 1]),
               ('INVOICE', array[30, 14, 7, 1]),
               ('FINAL_INVOICE', array[30, 14, 7, 1]),
               ('ENCUMBER_BY', array[180, 90, 60, 30]),
               ('LIQUIDATE_BY', array[180, 90, 60, 30, 14]),
               ('PERFORMANCE_END', array[120, 60, 30]),
               ('CLOSEOUT', array[60, 30, 14, 7]),
               ('SUSTAINABILITY_REVIEW', array[90, 30]),
               ('RESOLUTION', array[30, 14]),
               ('OTHER', array[14, 7, 1])) as lead (kind, days);
insert into reminder_lead_times (kind, offset_days)
select distinct kind, overdue from reminder_lead_times, unnest(array[-1, -7, -14]) as overdue;

create table deadline_kinds (
    kind text primary key
);
insert into deadline_kinds (kind) select distinct kind from reminder_lead_times;
alter table reminder_lead_times add foreign key (kind) references deadline_kinds;
alter table deadlines add foreign key (kind) references deadline_kinds;
revoke insert, update, delete, truncate on deadline_kinds from thrive_app;

-- The latest lead time of a deadline that has come by a day: the smallest offset whose day is
-- not after it. Days that were missed are not made up for one by one.
create function latest_reminder(deadline_kind text, due date, today date)
    returns table (offset_days integer) language sql stable as $$
    select min(lead.offset_days)
      from (select l.offset_days from reminder_lead_times l where l.kind = deadline_kind
             union all
            select -7 * week from generate_series(3, (today - due) / 7) as week) as lead
     where due - lead.offset_days <= today
$$;
