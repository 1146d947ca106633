-- A token may be for reading only, and a session of a browser is a token too: what ends the one ends the other.
alter table access_tokens
    add column kind       text not null default 'TOKEN'
        constraint access_tokens_kind check (kind in ('TOKEN', 'SESSION')),
    add column scope      text not null default 'READ_WRITE'
        constraint access_tokens_scope check (scope in ('READ', 'READ_WRITE')),
    add column purpose    text constraint access_tokens_purpose_filled check (btrim(purpose) <> ''),
    -- Null is the operator, by the command line, or the person's own sign-in.
    add column created_by uuid references people,
    add column revoked_by uuid references people,
    add constraint access_tokens_revoked check (revoked_by is null or revoked_at is not null),
    add constraint access_tokens_expire check (expires_at > created_at),
    add constraint access_tokens_session_ends check (kind <> 'SESSION' or expires_at <= created_at + interval '12 hours');

-- What lets in stays what it was: only its use and its end are noted.
create function guard_access_token() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if old.revoked_at is not null and (new.revoked_at, new.revoked_by) is distinct from (old.revoked_at, old.revoked_by)
       or (new.id, new.person_id, new.role, new.secret_hash, new.created_at, new.expires_at, new.kind, new.scope,
           new.purpose, new.created_by)
          is distinct from
          (old.id, old.person_id, old.role, old.secret_hash, old.created_at, old.expires_at, old.kind, old.scope,
           old.purpose, old.created_by)
    then
        raise exception 'a token is used and revoked, and otherwise stays'
            using errcode = 'check_violation', constraint = 'access_tokens_fixed';
    end if;
    return new;
end $$;
create trigger access_tokens_guard before update on access_tokens
    for each row execute function guard_access_token();

-- Who gave a role: somebody in Thrive, the operator (nobody), or the identity provider by what it says of the person.
-- A role of the provider's ends when the provider no longer says so; one that was given here stays.
alter table role_grants
    add column source     text not null default 'THRIVE'
        constraint role_grants_source check (source in ('THRIVE', 'PROVIDER')),
    add column granted_by uuid references people,
    add column ended_by   uuid references people,
    add constraint role_grants_not_to_oneself check (granted_by <> person_id),
    add constraint role_grants_given_by_one check (granted_by is null or source = 'THRIVE'),
    add constraint role_grants_ended check (ended_by is null or ended_at is not null);

create function guard_role_grant() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if old.ended_at is not null
       or (new.id, new.person_id, new.role, new.city_id, new.organization_id, new.approval_limit, new.granted_at,
           new.source, new.granted_by)
          is distinct from
          (old.id, old.person_id, old.role, old.city_id, old.organization_id, old.approval_limit, old.granted_at,
           old.source, old.granted_by)
    then
        raise exception 'a role is ended once and otherwise stays: end it and give another'
            using errcode = 'check_violation', constraint = 'role_grants_fixed';
    end if;
    return new;
end $$;
create trigger role_grants_guard before update on role_grants
    for each row execute function guard_role_grant();

-- How far a person reaches in a role, by all that is given of it: nothing when it is not held. The city of a city
-- government comes with it.
create function acting_in(person uuid, in_role text)
    returns table (unscoped boolean, cities uuid[], organizations uuid[], approval_limit numeric)
    language sql stable as $$
    select bool_or(r.city_id is null and r.organization_id is null),
           array_remove(array_agg(distinct r.city_id)
                        || array_agg(distinct o.city_id) filter (where o.kind = 'CITY_GOVERNMENT'), null),
           array_remove(array_agg(distinct r.organization_id), null),
           case when bool_and(r.approval_limit is not null) then max(r.approval_limit) end
      from role_grants r
      left join organizations o on o.id = r.organization_id
     where r.person_id = person and r.role = in_role and r.ended_at is null
    having count(*) > 0
$$;

-- Which person an account of an identity provider is. The address decides once, when the provider vouches for it;
-- from then on the account does, however the address may change.
create table person_accounts (
    issuer     text not null check (btrim(issuer) <> ''),
    subject    text not null check (btrim(subject) <> ''),
    person_id  uuid not null references people,
    linked_at  timestamptz not null,
    -- When the provider wrote what it said last of the person's roles: an older word changes nothing.
    roles_at   timestamptz,
    primary key (issuer, subject),
    constraint person_accounts_one_each unique (issuer, person_id)
);
create index on person_accounts (person_id);

create function guard_person_account() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if (new.issuer, new.subject, new.person_id, new.linked_at)
       is distinct from (old.issuer, old.subject, old.person_id, old.linked_at) then
        raise exception 'an account stays the person it was linked to'
            using errcode = 'check_violation', constraint = 'person_accounts_fixed';
    end if;
    return new;
end $$;
create trigger person_accounts_guard before update on person_accounts
    for each row execute function guard_person_account();

-- Browsers on their way through the identity provider. A row is by the hash of what only the browser has, good once and
-- for ten minutes; it is no history, so the service clears away what has expired.
create table sign_ins (
    browser_hash bytea primary key check (octet_length(browser_hash) = 32),
    role         text,
    begun_at     timestamptz not null,
    expires_at   timestamptz not null,
    used_at      timestamptz,
    constraint sign_ins_ten_minutes check (expires_at <= begun_at + interval '10 minutes')
);
create index on sign_ins (expires_at);
grant delete on sign_ins to thrive_app;

-- Which account is whose is kept track of like all that lets in.
create trigger audited after insert or update or delete on person_accounts
    for each row execute function audit_change();
