-- A city's answer to "what runs out, and when?": what it costs to go on, and
-- what is secured, by fiscal year.
create table sustainability_plans (
    id         uuid primary key,
    city_id    uuid not null references cities,
    edition    integer not null check (edition > 0),
    status     text not null check (status in ('DRAFT', 'ADOPTED', 'SUPERSEDED')),
    summary    text not null,
    adopted_on date,
    created_by uuid not null references people,
    revision   integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint sustainability_plans_edition_once unique (city_id, edition),
    constraint sustainability_plans_adopted check ((status = 'DRAFT') = (adopted_on is null))
);
create unique index sustainability_plans_one_adopted on sustainability_plans (city_id) where status = 'ADOPTED';

create table sustainability_plan_years (
    plan_id     uuid not null references sustainability_plans,
    -- The year in which the fiscal year begins: 2026 for 2026-27.
    starts_year integer not null check (starts_year between 2000 and 2100),
    cost        numeric(14, 2) not null check (cost >= 0),
    secured     numeric(14, 2) not null check (secured >= 0),
    primary key (plan_id, starts_year)
);
