-- The figures of the law are rows. A rule set is one version of a program's
-- rules. Once activated it never changes: a change of law, or a correction, is
-- a new version, and grants keep the version that they were signed under.
create table rule_sets (
    id             uuid primary key,
    program_id     uuid not null references funding_programs,
    version        integer not null check (version > 0),
    source_url     text not null check (btrim(source_url) <> ''),
    -- In force from this day until a later version is. Null is a draft.
    effective_from date,
    activated_at   timestamptz,
    activated_by   uuid references people,
    created_at     timestamptz not null,
    -- Null where an operator loaded a reviewed file.
    created_by     uuid references people,
    revision       integer not null default 1,
    updated_at     timestamptz not null,
    constraint rule_sets_version_once unique (program_id, version),
    constraint rule_sets_active_has_dates check ((activated_at is null) = (effective_from is null))
);
create index on rule_sets (program_id, effective_from desc, version desc);

create table rules (
    id          uuid primary key,
    rule_set_id uuid not null references rule_sets,
    -- The rule's name within its set: what a diff and an override go by.
    name        text not null constraint rules_name_form check (name ~ '^[a-z0-9][a-z0-9-]{0,59}$'),
    place       integer not null,
    kind        text not null check (kind in (
        'ALLOCATION_SPLIT', 'SUB_FLOOR', 'SUB_CAP', 'REVERSION', 'RESERVE_BAND', 'ENCUMBER_BY', 'LIQUIDATE_BY',
        'FINAL_INVOICE_BY', 'PERFORMANCE_WINDOW', 'MATCH', 'PAY_METHOD', 'RETENTION', 'COST_CAP', 'LINE_TRANSFER',
        'ALLOWABLE', 'UNALLOWABLE', 'ELIGIBILITY', 'AWARD_RANGE', 'REPORT_SCHEDULE', 'PAYMENT_GATE',
        'RECORD_RETENTION')),
    params      jsonb not null check (jsonb_typeof(params) = 'object'),
    citation    text not null check (btrim(citation) <> ''),
    -- When somebody last compared the rule with its citation. Null is never: such a rule is shown as a
    -- draft, and enforces nothing.
    verified_on date,
    constraint rules_name_once unique (rule_set_id, name)
);
-- A draft is written anew as a whole.
grant delete on rules to thrive_app;

create function guard_rules() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
    subject uuid;
begin
    foreach subject in array case tg_op when 'INSERT' then array[new.rule_set_id]
                                        when 'DELETE' then array[old.rule_set_id]
                                        else array[old.rule_set_id, new.rule_set_id] end loop
        -- Held, so that nobody activates the set meanwhile.
        if (select activated_at from rule_sets where id = subject for share) is not null then
            raise exception 'an activated rule set keeps its rules: draft a new version'
                using errcode = 'check_violation', constraint = 'rule_sets_fixed';
        end if;
    end loop;
    return coalesce(new, old);
end $$;
create trigger rules_guard before insert or update or delete on rules
    for each row execute function guard_rules();
create trigger rules_no_truncate before truncate on rules
    for each statement execute function refuse_change();

create function guard_rule_set() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    -- A set without rules in force would hide those before it.
    if tg_op = 'INSERT' then
        if new.activated_at is not null then
            raise exception 'a rule set is drafted before it is activated'
                using errcode = 'check_violation', constraint = 'rule_sets_drafted_first';
        end if;
        return new;
    end if;
    if tg_op = 'UPDATE' then
        if new.activated_at is not null and not exists (select from rules where rule_set_id = new.id) then
            raise exception 'a rule set without rules is not activated'
                using errcode = 'check_violation', constraint = 'rule_sets_not_empty';
        end if;
        if old.activated_at is null and (new.id, new.program_id, new.version) = (old.id, old.program_id, old.version) then
            return new;
        end if;
    end if;
    raise exception 'an activated rule set stays as it is: draft a new version'
        using errcode = 'check_violation', constraint = 'rule_sets_fixed';
end $$;
create trigger rule_sets_guard before insert or update or delete on rule_sets
    for each row execute function guard_rule_set();
create trigger rule_sets_no_truncate before truncate on rule_sets
    for each statement execute function refuse_change();

-- The version that a grant was signed under; null where its program has no rules.
alter table grants add column rule_set_id uuid references rule_sets;

create function guard_pinned_rules() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'UPDATE' then
        -- Rules are chosen when a grant is signed, and stay.
        if (old.rule_set_id is not null or old.signed_on is not null)
           and new.rule_set_id is distinct from old.rule_set_id then
            raise exception 'a grant keeps the rules that it was signed under'
                using errcode = 'check_violation', constraint = 'grants_keep_rules';
        end if;
    end if;
    if tg_op = 'UPDATE' then
        if old.signed_on is not null and new.signed_on is distinct from old.signed_on then
            raise exception 'a grant was signed when it was signed'
                using errcode = 'check_violation', constraint = 'grants_signed_once';
        end if;
    end if;
    if new.rule_set_id is not null and new.signed_on is null then
        raise exception 'rules are chosen when a grant is signed'
            using errcode = 'check_violation', constraint = 'grants_keep_rules';
    end if;
    -- A program may move in the tree later: what was pinned stays pinned.
    if tg_op = 'UPDATE' then
        if (new.rule_set_id, new.program_id) is not distinct from (old.rule_set_id, old.program_id) then
            return new;
        end if;
    end if;
    if new.rule_set_id is not null and not exists (
        with recursive above (id, parent_id) as (
            select id, parent_id from funding_programs where id = new.program_id
             union all
            select p.id, p.parent_id from funding_programs p join above a on p.id = a.parent_id)
        select from rule_sets s join above on above.id = s.program_id
         where s.id = new.rule_set_id and s.activated_at is not null) then
        raise exception 'these are not rules of the grant''s program'
            using errcode = 'check_violation', constraint = 'grants_rules_of_program';
    end if;
    return new;
end $$;
create trigger grants_rules_guard before insert or update of rule_set_id, signed_on, program_id on grants
    for each row execute function guard_pinned_rules();

-- An amendment of one grant that gives a rule other terms, or sets it aside
-- (terms null), with its document. The rule itself stays for everybody else.
create table rule_overrides (
    id             uuid primary key,
    grant_id       uuid not null references grants,
    rule_id        uuid not null references rules,
    terms          jsonb check (jsonb_typeof(terms) = 'object'),
    reason         text not null check (btrim(reason) <> ''),
    document_url   text not null check (document_url ~ '^https?://'),
    document_sha256 text check (document_sha256 ~ '^[0-9a-f]{64}$'),
    status         text not null check (status in ('PROPOSED', 'APPROVED', 'DECLINED')),
    proposed_by    uuid not null references people,
    proposed_at    timestamptz not null,
    decided_by     uuid references people,
    decided_at     timestamptz,
    constraint rule_overrides_decided check ((status = 'PROPOSED') = (decided_at is null)
                                             and (decided_at is null) = (decided_by is null)),
    constraint rule_overrides_decided_by_another check (decided_by <> proposed_by)
);
create index on rule_overrides (grant_id);
create unique index rule_overrides_one_proposed on rule_overrides (grant_id, rule_id) where status = 'PROPOSED';

create function guard_rule_override() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        if new.status <> 'PROPOSED' then
            raise exception 'an override is proposed before it is decided'
                using errcode = 'check_violation', constraint = 'rule_overrides_proposed_first';
        end if;
        if not exists (select from grants g join rules r on r.rule_set_id = g.rule_set_id
                        where g.id = new.grant_id and r.id = new.rule_id) then
            raise exception 'an override is of a rule that the grant was signed under'
                using errcode = 'check_violation', constraint = 'rule_overrides_of_grant';
        end if;
        return new;
    end if;
    if tg_op = 'UPDATE' then
        if old.status = 'PROPOSED'
           and (new.id, new.grant_id, new.rule_id, new.terms, new.reason, new.document_url, new.document_sha256,
                new.proposed_by, new.proposed_at)
               is not distinct from
               (old.id, old.grant_id, old.rule_id, old.terms, old.reason, old.document_url, old.document_sha256,
                old.proposed_by, old.proposed_at) then
            return new;
        end if;
    end if;
    raise exception 'a decided override stays: propose another'
        using errcode = 'check_violation', constraint = 'rule_overrides_fixed';
end $$;
create trigger rule_overrides_guard before insert or update or delete on rule_overrides
    for each row execute function guard_rule_override();
create trigger rule_overrides_no_truncate before truncate on rule_overrides
    for each statement execute function refuse_change();
