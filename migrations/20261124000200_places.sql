-- Counties and cities carry the Census GEOID, which clients know, and the GNIS
-- feature id, which stays when a place is renamed.
create table counties (
    id         uuid primary key,
    geoid      text not null constraint counties_geoid_form check (geoid ~ '^06[0-9]{3}$'),
    gnis       text not null,
    name       text not null,
    population integer check (population >= 0),
    constraint counties_geoid_once unique (geoid)
);

create table cities (
    id              uuid primary key,
    geoid           text not null constraint cities_geoid_form check (geoid ~ '^06[0-9]{5}$'),
    gnis            text not null,
    name            text not null check (btrim(name) <> ''),
    county_id       uuid not null references counties,
    population      integer check (population >= 0),
    incorporated_on date,
    created_at      timestamptz not null,
    constraint cities_geoid_once unique (geoid),
    constraint cities_gnis_once unique (gnis)
);
create index on cities (county_id);
