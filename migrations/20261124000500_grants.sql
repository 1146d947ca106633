-- A grant is an award to a recipient organization; the cities and action areas
-- it benefits share it in basis points. Five dates stay five dates.
create table grants (
    id                uuid primary key,
    number            text not null check (btrim(number) <> ''),
    title             text not null check (btrim(title) <> ''),
    status            text not null check (status in ('DRAFT', 'AWARDED', 'ACTIVE', 'SUSPENDED',
                                                      'CLOSING', 'CLOSED', 'TERMINATED')),
    program_id        uuid not null references funding_programs,
    recipient_id      uuid not null references organizations,
    parent_id         uuid references grants,
    -- What is to be awarded. Once awarded, the ledger tells.
    amount            numeric(14, 2) not null constraint grants_amount_positive check (amount > 0),
    performance_start date not null,
    performance_end   date not null,
    encumber_by       date,
    liquidate_by      date,
    final_invoice_by  date,
    drafted_by        uuid not null references people,
    awarded_by        uuid references people,
    awarded_at        timestamptz,
    signed_on         date,
    revision          integer not null default 1,
    created_at        timestamptz not null,
    updated_at        timestamptz not null,
    constraint grants_performance_dates check (performance_end >= performance_start),
    constraint grants_liquidate_after_encumber check (liquidate_by >= encumber_by),
    constraint grants_signed_in_time check (signed_on <= encumber_by),
    constraint grants_awarded_by_another check (awarded_by <> drafted_by),
    constraint grants_awarded_once_decided
        check (status = 'DRAFT' or (awarded_by is not null and awarded_at is not null)),
    constraint grants_not_own_parent check (parent_id <> id)
);
create unique index grants_number_once on grants (lower(btrim(number)));
create index on grants (recipient_id);
create index on grants (program_id);
create index on grants (updated_at);

create table grant_cities (
    grant_id uuid not null references grants,
    city_id  uuid not null references cities,
    share_bp integer not null constraint grant_cities_share check (share_bp between 1 and 10000),
    primary key (grant_id, city_id)
);
create index on grant_cities (city_id, grant_id);

create table grant_action_areas (
    grant_id    uuid not null references grants,
    action_area text not null check (action_area in (
        'HEALTHY_CHILDHOOD_DEVELOPMENT', 'PROTECTIVE_ENVIRONMENTS', 'YOUTH_DEVELOPMENT',
        'ECONOMIC_SUPPORTS', 'SAFE_STABLE_HOUSING', 'MENTAL_HEALTH_WELLNESS')),
    share_bp    integer not null constraint grant_action_areas_share check (share_bp between 1 and 10000),
    primary key (grant_id, action_area)
);

-- Shares that do not sum to the whole would count a grant twice, or not at
-- all, in sums by city. Checked when the transaction ends, as the rows of one
-- grant arrive one after another.
create function check_grant_shares() returns trigger language plpgsql
    set search_path = public, pg_temp as $$
declare
    subject uuid;
begin
    if tg_table_name = 'grants' then
        subject := new.id;
    elsif tg_op = 'DELETE' then
        subject := old.grant_id;
    else
        subject := new.grant_id;
    end if;
    -- Not in one condition: a row of grants has no grant_id.
    if tg_op = 'UPDATE' then
        if old.grant_id <> new.grant_id then
            raise exception 'a share stays with its grant'
                using errcode = 'check_violation', constraint = 'grant_shares_stay';
        end if;
    end if;
    if (select sum(share_bp) from grant_cities where grant_id = subject) is distinct from 10000 then
        raise exception 'the shares of cities do not sum to 10000 basis points'
            using errcode = 'check_violation', constraint = 'grant_cities_whole';
    end if;
    if (select sum(share_bp) from grant_action_areas where grant_id = subject) is distinct from 10000 then
        raise exception 'the shares of action areas do not sum to 10000 basis points'
            using errcode = 'check_violation', constraint = 'grant_action_areas_whole';
    end if;
    return null;
end $$;

create constraint trigger grants_shares_whole after insert on grants
    deferrable initially deferred for each row execute function check_grant_shares();
create constraint trigger grant_cities_whole after insert or update or delete on grant_cities
    deferrable initially deferred for each row execute function check_grant_shares();
create constraint trigger grant_action_areas_whole after insert or update or delete on grant_action_areas
    deferrable initially deferred for each row execute function check_grant_shares();

-- Once awarded, a grant keeps what was awarded: amendments will come as rows of their own.
create function guard_grant() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if old.status <> 'DRAFT'
       and (new.number, new.program_id, new.recipient_id, new.parent_id, new.amount, new.performance_start,
            new.performance_end, new.encumber_by, new.liquidate_by, new.final_invoice_by, new.drafted_by,
            new.awarded_by, new.awarded_at)
           is distinct from
           (old.number, old.program_id, old.recipient_id, old.parent_id, old.amount, old.performance_start,
            old.performance_end, old.encumber_by, old.liquidate_by, old.final_invoice_by, old.drafted_by,
            old.awarded_by, old.awarded_at)
       or new.status = 'DRAFT' and old.status <> 'DRAFT' then
        raise exception 'an awarded grant keeps its terms'
            using errcode = 'check_violation', constraint = 'grants_fixed';
    end if;
    return new;
end $$;

create trigger grants_guard before update on grants for each row execute function guard_grant();
