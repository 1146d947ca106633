-- While an approver is away, somebody else decides disbursements in the approver's place, up to the approver's limit.
create table approval_delegations (
    id          uuid primary key,
    approver_id uuid not null references people,
    delegate_id uuid not null references people,
    starts_on   date not null,
    ends_on     date not null,
    reason      text not null check (btrim(reason) <> ''),
    created_by  uuid not null references people,
    created_at  timestamptz not null,
    ended_by    uuid references people,
    ended_at    timestamptz,
    constraint approval_delegations_dates check (ends_on >= starts_on),
    constraint approval_delegations_to_another check (delegate_id <> approver_id),
    -- Nobody gives somebody else's power to themselves.
    constraint approval_delegations_not_to_oneself check (delegate_id <> created_by),
    constraint approval_delegations_ended check ((ended_by is null) = (ended_at is null))
);
create index on approval_delegations (delegate_id, ends_on);
create index on approval_delegations (approver_id);

create function guard_delegation() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        -- Only whoever holds the power by a role of their own gives it: what was delegated is not passed on.
        if not exists (select from role_grants r
                        where r.person_id = new.approver_id and r.role = 'APPROVER' and r.ended_at is null) then
            raise exception 'only an approver has somebody decide instead'
                using errcode = 'check_violation', constraint = 'approval_delegations_of_approver';
        end if;
        return new;
    end if;
    if old.ended_at is not null
       or (new.id, new.approver_id, new.delegate_id, new.starts_on, new.ends_on, new.reason, new.created_by, new.created_at)
          is distinct from
          (old.id, old.approver_id, old.delegate_id, old.starts_on, old.ends_on, old.reason, old.created_by, old.created_at)
    then
        raise exception 'a delegation is ended once and otherwise stays'
            using errcode = 'check_violation', constraint = 'approval_delegations_fixed';
    end if;
    return new;
end $$;
create trigger approval_delegations_guard before insert or update on approval_delegations
    for each row execute function guard_delegation();
create trigger approval_delegations_no_delete before delete on approval_delegations
    for each row execute function refuse_change();
create trigger approval_delegations_no_truncate before truncate on approval_delegations
    for each statement execute function refuse_change();

-- The payer is none of those who asked for it, decided it, and would have decided it.
alter table disbursements add constraint disbursements_payer_is_not_represented check (paid_by <> approved_for);

-- Whoever decides in somebody's place was asked to, for that day, and does not decide more than that approver may.
create function check_delegated_approval() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'UPDATE' then
        if new.approved_for is not distinct from old.approved_for then
            return new;
        end if;
    end if;
    if not exists (
        select from approval_delegations a
         where a.approver_id = new.approved_for and a.delegate_id = new.approved_by
           and (new.approved_at at time zone 'America/Los_Angeles')::date between a.starts_on and a.ends_on
           and (a.ended_at is null or a.ended_at > new.approved_at)) then
        raise exception 'nobody asked for approvals in this place'
            using errcode = 'check_violation', constraint = 'disbursements_delegated';
    end if;
    if not exists (
        select from role_grants r
         where r.person_id = new.approved_for and r.role = 'APPROVER' and r.ended_at is null
           and (r.approval_limit is null or r.approval_limit >= new.approved_amount)) then
        raise exception 'it is above the limit of the approver who is away'
            using errcode = 'check_violation', constraint = 'disbursements_delegated_limit';
    end if;
    return new;
end $$;
create trigger disbursements_delegated before insert or update on disbursements
    for each row when (new.approved_for is not null) execute function check_delegated_approval();
