-- Who did what, to which row, and what it was before. Rows are written by triggers, so that no change goes without
-- one, whoever makes it; a transaction says in its first statement on whose behalf it works. They are sealed
-- into a chain of hashes afterwards: chaining them as they are written would make commits wait for one another.

create table audit_entries (
    number      bigint generated always as identity primary key,
    id          uuid not null default gen_random_uuid() constraint audit_entries_id_once unique,
    recorded_at timestamptz not null,
    -- Null where no person acted: a job, or the operator's program. No reference: whoever acts much would have the
    -- own row locked for it time and again.
    person_id   uuid,
    role        text,
    request_id  text,
    -- The mutation, the job or the command of the program; null for a change past all of them.
    action      text,
    table_name  text not null,
    object_id   uuid,
    grant_id    uuid,
    change      text not null check (change in ('CREATED', 'CHANGED', 'REMOVED')),
    -- Of a change, what differs.
    before      jsonb,
    after       jsonb,
    reason      text,
    constraint audit_entries_states check ((change = 'CREATED') = (before is null) and (change = 'REMOVED') = (after is null))
);
create index on audit_entries (recorded_at, id);
create index on audit_entries (object_id);
create index on audit_entries (grant_id, recorded_at) where grant_id is not null;
create index on audit_entries (person_id, recorded_at) where person_id is not null;
create index on audit_entries (request_id) where request_id is not null;

-- Which are to be sealed.
create table audit_unsealed (
    number bigint primary key references audit_entries
);

create table audit_seals (
    position  bigint primary key check (position > 0),
    number    bigint not null references audit_entries constraint audit_seals_once unique,
    -- SHA-256 over the seal before, the position and the entry.
    hash      bytea not null check (octet_length(hash) = 32),
    sealed_at timestamptz not null
);

create trigger audit_entries_append_only before update or delete on audit_entries
    for each row execute function refuse_change();
create trigger audit_entries_not_truncated before truncate on audit_entries
    for each statement execute function refuse_change();
create trigger audit_seals_append_only before update or delete on audit_seals
    for each row execute function refuse_change();
create trigger audit_seals_not_truncated before truncate on audit_seals
    for each statement execute function refuse_change();
-- The service reads the log and seals it; only triggers write it.
revoke insert, update on audit_entries from thrive_app;
revoke update on audit_seals from thrive_app;
revoke insert, update on audit_unsealed from thrive_app;
grant delete on audit_unsealed to thrive_app;

-- Every column of an entry in its text: what a seal is computed over.
create function audit_columns(e audit_entries) returns text[] language sql stable set search_path = public, pg_temp as $$
    select array[e.id::text, (extract(epoch from e.recorded_at) * 1000000)::bigint::text, e.person_id::text, e.role,
                 e.request_id, e.action, e.table_name, e.object_id::text, e.grant_id::text, e.change, e.before::text,
                 e.after::text, e.reason]
$$;

-- Says on whose behalf the transaction works from here on.
create function act_as(person uuid, in_role text, request text, doing text, at_moment timestamptz)
    returns boolean language sql volatile set search_path = public, pg_temp as $$
    select set_config('thrive.person', coalesce(person::text, ''), true) is not null
       and set_config('thrive.role', coalesce(in_role, ''), true) is not null
       and set_config('thrive.request', coalesce(request, ''), true) is not null
       and set_config('thrive.action', doing, true) is not null
       and set_config('thrive.at', at_moment::text, true) is not null
$$;

-- Columns that are named are withheld: that they changed is told, not what to.
create function audit_change() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare
    was     jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
    becomes jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
    whole   jsonb := coalesce(becomes, was);
    entry   bigint;
begin
    if tg_op = 'UPDATE' then
        select jsonb_object_agg(w.key, w.value), jsonb_object_agg(w.key, becomes -> w.key)
          into was, becomes
          from jsonb_each(was) w
         where w.value is distinct from becomes -> w.key and w.key not in ('updated_at', 'last_used_at');
        if was is null then
            return null;
        end if;
    end if;
    for place in 0 .. tg_nargs - 1 loop
        if was -> tg_argv[place] <> 'null' then
            was := jsonb_set(was, array[tg_argv[place]], '"withheld"');
        end if;
        if becomes -> tg_argv[place] <> 'null' then
            becomes := jsonb_set(becomes, array[tg_argv[place]], '"withheld"');
        end if;
    end loop;
    insert into audit_entries (recorded_at, person_id, role, request_id, action, table_name, object_id, grant_id,
                               change, before, after, reason)
    values (coalesce(nullif(current_setting('thrive.at', true), '')::timestamptz, clock_timestamp()),
            nullif(current_setting('thrive.person', true), '')::uuid,
            nullif(current_setting('thrive.role', true), ''),
            nullif(current_setting('thrive.request', true), ''),
            nullif(current_setting('thrive.action', true), ''),
            tg_table_name, (whole ->> 'id')::uuid,
            case when tg_table_name = 'grants' then (whole ->> 'id')::uuid else (whole ->> 'grant_id')::uuid end,
            case tg_op when 'INSERT' then 'CREATED' when 'UPDATE' then 'CHANGED' else 'REMOVED' end,
            was, becomes, coalesce(becomes ->> 'reason', whole ->> 'reverse_reason'))
    returning number into entry;
    insert into audit_unsealed values (entry);
    return null;
end $$;

-- The ledger's entries are a log of their own, mail has its states, and what follows from rules by itself is told
-- by what it follows from.
do $$
declare
    audited text;
begin
    foreach audited in array array[
        'allocation_components', 'allocation_receipts', 'allocation_reversions', 'allocation_spends', 'allocations',
        'amendment_lines', 'amendments', 'appropriation_revisions', 'appropriations', 'approval_delegations',
        'budget_lines', 'budget_transfers', 'cities', 'counties', 'disbursement_evidence', 'disbursement_lines',
        'disbursements', 'encumbrance_cancellations', 'encumbrances', 'expenditures', 'facts', 'funding_programs',
        'funding_streams', 'grant_action_areas', 'grant_cities', 'grant_documents', 'grants', 'holiday_calendars',
        'holidays', 'ledger_closed_months', 'match_acceptances', 'match_contributions', 'organizations',
        'payment_adjustment_lines', 'payment_adjustments', 'reminder_lead_times', 'report_figures', 'reports',
        'retention_release_parts', 'role_grants', 'rule_overrides', 'rule_sets', 'rules', 'sustainability_plan_years',
        'sustainability_plans'] loop
        execute format('create trigger audited after insert or update or delete on %I
                            for each row execute function audit_change()', audited);
    end loop;
end $$;
create trigger audited after insert or update or delete on people
    for each row execute function audit_change('email', 'phone', 'mailing_address');
create trigger audited after insert or update or delete on access_tokens
    for each row execute function audit_change('secret_hash');
create trigger audited after insert on deadlines
    for each row when (new.obligation is null) execute function audit_change();
create trigger audited_change after update on deadlines
    for each row when (new.obligation is null or old.status is distinct from new.status and new.settled_by is not null
                       or old.snoozed_until is distinct from new.snoozed_until)
    execute function audit_change();
