-- Deadlines that follow from an award and its rules. `obligation` says which
-- duty a row stands for, so that a changed date moves the row and keeps its
-- history, instead of making another.
alter table deadlines
    add column obligation text,
    add column rule_id uuid references rules,
    add column period_start date,
    add column period_end date,
    drop constraint deadlines_status_check,
    add constraint deadlines_status_check check (status in ('OPEN', 'COMPLETED', 'WAIVED', 'WITHDRAWN')),
    add constraint deadlines_generated_of_grant check (obligation is null or grant_id is not null),
    add constraint deadlines_period check (period_end >= period_start);

-- The same duty of a grant once. It finds a grant's deadlines as well.
create unique index deadlines_obligation_once on deadlines (grant_id, obligation);
drop index deadlines_grant_id_idx;
drop index deadlines_city_id_idx;
create index deadlines_city_id_idx on deadlines (city_id) where city_id is not null;

-- What a generated deadline was before it was moved, withdrawn or taken up again.
create table deadline_changes (
    id          uuid primary key,
    deadline_id uuid not null references deadlines,
    due_from    date not null,
    due_to      date not null,
    status_from text not null,
    status_to   text not null,
    reason      text not null,
    changed_at  timestamptz not null
);
create index on deadline_changes (deadline_id);
create trigger deadline_changes_append_only before update or delete on deadline_changes
    for each row execute function refuse_change();
create trigger deadline_changes_no_truncate before truncate on deadline_changes
    for each statement execute function refuse_change();
revoke update on deadline_changes from thrive_app;

insert into deadline_kinds (kind) values ('MATCH_CHECK');
insert into reminder_lead_times (kind, offset_days)
select 'MATCH_CHECK', unnest(array[90, 60, 30, 14, -1, -7, -14]);

-- Where a run for a day that was cut short goes on; a run for another day begins at the beginning.
alter table jobs add column resume_after uuid, add column resume_on date;

-- Whose duty a generated deadline is: its people follow from that.
alter table deadlines
    add column duty text check (duty in ('RECIPIENT', 'FUNDER')),
    add constraint deadlines_generated_has_duty check ((obligation is null) = (duty is null));
create index on role_grants (organization_id) where ended_at is null;
