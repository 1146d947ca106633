-- Organizations are the parties: who funds, who receives, who helps. A city
-- government belongs to its city, a county department to its county.
create table organizations (
    id         uuid primary key,
    name       text not null check (btrim(name) <> ''),
    kind       text not null check (kind in ('STATE_AGENCY', 'COUNTY', 'CITY_GOVERNMENT', 'CBO',
                                             'SCHOOL_DISTRICT', 'TRIBE', 'FOUNDATION',
                                             'PROGRAM_ADMINISTRATOR', 'OTHER')),
    city_id    uuid references cities,
    county_id  uuid references counties,
    fictional  boolean not null default false,
    created_at timestamptz not null,
    constraint organizations_city_government_has_city
        check (kind <> 'CITY_GOVERNMENT' or city_id is not null)
);
create unique index organizations_name_once on organizations (lower(btrim(name)));
create index on organizations (city_id);

create table people (
    id              uuid primary key,
    name            text not null check (btrim(name) <> ''),
    email           text not null constraint people_email_form check (email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
    phone           text,
    mailing_address text,
    position        text,
    organization_id uuid references organizations,
    city_id         uuid references cities,
    fictional       boolean not null default false,
    created_at      timestamptz not null
);
create unique index people_email_once on people (lower(email));
create index on people (organization_id);

-- What a person may do, and where. A role without a city or an organization
-- covers everything that role ever covers.
create table role_grants (
    id              uuid primary key,
    person_id       uuid not null references people,
    role            text not null check (role in ('CITY_MEMBER', 'CITY_FINANCE', 'COACH', 'GRANT_MANAGER',
                                                  'APPROVER', 'FISCAL_OFFICER', 'PROGRAM_ADMIN',
                                                  'AUDITOR', 'SERVICE')),
    city_id         uuid references cities,
    organization_id uuid references organizations,
    -- The most an approver may approve in one decision; null is no limit.
    approval_limit  numeric(14, 2) check (approval_limit > 0),
    granted_at      timestamptz not null,
    ended_at        timestamptz,
    constraint role_grants_scope check (
        case role
            when 'CITY_MEMBER'  then city_id is not null
            when 'CITY_FINANCE' then organization_id is not null
            when 'COACH'        then city_id is not null
            when 'SERVICE'      then true
            else city_id is null and organization_id is null
        end),
    constraint role_grants_limit_is_approvers check (approval_limit is null or role = 'APPROVER')
);
create unique index role_grants_once on role_grants (person_id, role, city_id, organization_id)
    nulls not distinct where ended_at is null;

-- A token acts for one person in one role. Only its SHA-256 is kept: a copy of
-- this table opens nothing.
create table access_tokens (
    id           uuid primary key,
    person_id    uuid not null references people,
    role         text not null,
    secret_hash  bytea not null check (octet_length(secret_hash) = 32),
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    constraint access_tokens_secret_once unique (secret_hash)
);
create index on access_tokens (person_id);
