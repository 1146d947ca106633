-- What is known of a city, a county or an organization, as of a day, and from
-- where. Rules read the latest value on or before a day. Nothing is changed: a
-- correction is another row of the same day, recorded later.
create table facts (
    id              uuid primary key,
    city_id         uuid references cities,
    county_id       uuid references counties,
    organization_id uuid references organizations,
    kind            text not null,
    value           text not null,
    as_of           date not null,
    source          text not null check (btrim(source) <> ''),
    source_url      text check (source_url ~ '^https?://'),
    recorded_by     uuid references people,
    recorded_at     timestamptz not null,
    constraint facts_one_subject check (num_nonnulls(city_id, county_id, organization_id) = 1),
    constraint facts_value_form check (case kind
        when 'CANNABIS_ORDINANCE' then value in ('NO_BAN', 'BANS_INDOOR_CULTIVATION', 'BANS_OUTDOOR_CULTIVATION',
                                                 'BANS_CULTIVATION', 'BANS_RETAIL', 'BANS_CULTIVATION_AND_RETAIL')
        when 'MEDIAN_INCOME_SHARE' then value ~ '^(0|[1-9][0-9]{0,5})$'
        when 'DISADVANTAGED_COMMUNITY' then value in ('YES', 'NO')
        when 'PARTICIPATION_LEVEL' then value in ('NONE', 'AFFILIATE', 'PILOT', 'VANGUARD')
        when 'POPULATION' then value ~ '^(0|[1-9][0-9]{0,8})$'
        else false end)
);
create index on facts (city_id, kind, as_of desc) where city_id is not null;
create index on facts (county_id, kind, as_of desc) where county_id is not null;
create index on facts (organization_id, kind, as_of desc) where organization_id is not null;
create index on facts (recorded_at);
create trigger facts_append_only before update or delete on facts
    for each row execute function refuse_change();
create trigger facts_no_truncate before truncate on facts
    for each statement execute function refuse_change();
revoke update on facts from thrive_app;
