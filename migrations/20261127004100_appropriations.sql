-- What the legislature, or whoever gives, put into a stream for a fiscal year. A later act changes the
-- amount by another revision; what was said before stays to be read.
create table appropriations (
    id          uuid primary key,
    stream_id   uuid not null references funding_streams,
    fiscal_year integer not null check (fiscal_year between 2000 and 2100),
    constraint appropriations_once unique (stream_id, fiscal_year)
);

create table appropriation_revisions (
    appropriation_id uuid not null references appropriations,
    number           integer not null check (number > 0),
    amount           numeric(14, 2) not null constraint appropriation_revisions_not_negative check (amount >= 0),
    source           text not null check (btrim(source) <> ''),
    source_url       text constraint appropriation_revisions_url_form check (source_url ~ '^https?://'),
    recorded_by      uuid not null references people,
    recorded_at      timestamptz not null,
    constraint appropriation_revisions_once primary key (appropriation_id, number)
);

revoke update on appropriations, appropriation_revisions from thrive_app;
create trigger appropriations_append_only before update or delete on appropriations
    for each row execute function refuse_change();
create trigger appropriations_no_truncate before truncate on appropriations
    for each statement execute function refuse_change();
create trigger appropriation_revisions_append_only before update or delete on appropriation_revisions
    for each row execute function refuse_change();
create trigger appropriation_revisions_no_truncate before truncate on appropriation_revisions
    for each statement execute function refuse_change();
