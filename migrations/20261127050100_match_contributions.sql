-- What others add to a grant: the recipient's own money, goods, the work of volunteers. A contribution is recorded
-- once, whichever grant it is for, and its parts are accepted for grants, never more than there is of it.
create table match_contributions (
    id                  uuid primary key,
    -- For which it was recorded; its parts may be accepted for others of the same recipient.
    grant_id            uuid not null references grants,
    recipient_id        uuid not null references organizations,
    contributor         text not null check (btrim(contributor) <> ''),
    source              text not null check (source in ('CASH', 'IN_KIND', 'VOLUNTEER', 'FEDERAL')),
    amount              numeric(14, 2) not null constraint match_contributions_positive check (amount > 0),
    contributed_on      date not null,
    -- When the ledger counts it: later than its own day where that month is closed.
    effective_on        date not null,
    description         text not null check (btrim(description) <> ''),
    -- The voucher, timesheet or appraisal that proves it.
    reference           text not null check (btrim(reference) <> ''),
    valuation_basis     text check (btrim(valuation_basis) <> ''),
    hours               numeric(8, 2) check (hours > 0),
    hourly_rate         numeric(14, 2) check (hourly_rate > 0),
    authorizing_statute text check (btrim(authorizing_statute) <> ''),
    recorded_by         uuid not null references people,
    recorded_at         timestamptz not null,
    declined_by         uuid references people,
    declined_at         timestamptz,
    decline_reason      text check (btrim(decline_reason) <> ''),
    constraint match_contributions_counted_after check (effective_on >= contributed_on),
    -- What is not money is worth what somebody says, and says why (2 CFR 200.306).
    constraint match_contributions_valued check (source not in ('IN_KIND', 'VOLUNTEER') or valuation_basis is not null),
    constraint match_contributions_hours
        check ((hours is null) = (hourly_rate is null)
               and (hours is null or source = 'VOLUNTEER' and amount = round(hours * hourly_rate, 2))),
    constraint match_contributions_declined check (num_nonnulls(declined_by, declined_at, decline_reason) in (0, 3)),
    constraint match_contributions_declined_by_another check (declined_by <> recorded_by)
);
create index on match_contributions (grant_id, contributed_on, id);
-- One voucher is one contribution, across the recipient's awards: case and spaces at the ends do not make another.
-- What was declined may be recorded again, corrected.
create unique index match_contributions_reference_once on match_contributions (recipient_id, lower(btrim(reference)))
    where declined_at is null;

create table match_acceptances (
    id              uuid primary key,
    contribution_id uuid not null references match_contributions,
    grant_id        uuid not null references grants,
    amount          numeric(14, 2) not null constraint match_acceptances_positive check (amount > 0),
    accepted_by     uuid not null references people,
    accepted_at     timestamptz not null
);
create index on match_acceptances (contribution_id);
create index on match_acceptances (grant_id, accepted_at, id);
create trigger match_acceptances_append_only before update or delete on match_acceptances
    for each row execute function refuse_change();
create trigger match_acceptances_no_truncate before truncate on match_acceptances
    for each statement execute function refuse_change();
revoke update on match_acceptances from thrive_app;

alter table ledger_accounts
    add constraint ledger_accounts_contribution foreign key (contribution_id) references match_contributions;

-- What is declined is as if it had not come.
insert into ledger_moves (kind, from_kind, to_kind) values ('DECLINE_MATCH', 'MATCH_UNUSED', 'SRC_MATCH');

-- What a contribution has to be for a grant, when it is recorded and when it is accepted.
create function check_match(contribution match_contributions, subject uuid) returns void language plpgsql stable
    set search_path = public, pg_temp as $$
declare
    of_grant grants;
begin
    select * into of_grant from grants where id = subject;
    if of_grant.recipient_id <> contribution.recipient_id then
        raise exception 'a contribution is for grants of its own recipient'
            using errcode = 'check_violation', constraint = 'match_same_recipient';
    end if;
    if contribution.contributed_on not between of_grant.performance_start and of_grant.performance_end then
        raise exception 'match arises from % to %', of_grant.performance_start, of_grant.performance_end
            using errcode = 'check_violation', constraint = 'match_in_period';
    end if;
    if contribution.source = 'FEDERAL' and contribution.authorizing_statute is null and exists (
        select from funding_programs p join funding_streams s on s.id = p.stream_id
         where p.id = of_grant.program_id and s.level = 'FEDERAL') then
        raise exception 'federal money is no match of a federal award unless a statute says so (2 CFR 200.306(b)(5))'
            using errcode = 'check_violation', constraint = 'match_federal_by_statute';
    end if;
end $$;

-- One reference of a recipient at a time, of costs and of contributions.
create function hold_reference(recipient uuid, reference text) returns void language sql
    set search_path = public, pg_temp as
    $$ select pg_advisory_xact_lock(hashtext('match_references'), hashtext(recipient::text || lower(btrim(reference)))) $$;

create function guard_match_contribution() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if tg_op = 'UPDATE' then
        if old.declined_at is not null
           or (new.id, new.grant_id, new.recipient_id, new.contributor, new.source, new.amount, new.contributed_on,
               new.effective_on, new.description, new.reference, new.valuation_basis, new.hours, new.hourly_rate,
               new.authorizing_statute, new.recorded_by, new.recorded_at)
              is distinct from
              (old.id, old.grant_id, old.recipient_id, old.contributor, old.source, old.amount, old.contributed_on,
               old.effective_on, old.description, old.reference, old.valuation_basis, old.hours, old.hourly_rate,
               old.authorizing_statute, old.recorded_by, old.recorded_at) then
            raise exception 'a contribution is declined once and otherwise stays'
                using errcode = 'check_violation', constraint = 'match_contributions_fixed';
        end if;
        if exists (select from match_acceptances where contribution_id = new.id) then
            raise exception 'part of the contribution is accepted'
                using errcode = 'check_violation', constraint = 'match_contributions_accepted';
        end if;
        return new;
    end if;
    perform check_match(new, new.grant_id);
    perform hold_reference(new.recipient_id, new.reference);
    if exists (select from expenditures e join grants g on g.id = e.grant_id
                where g.recipient_id = new.recipient_id and e.reversed_at is null
                  and lower(btrim(e.reference)) = lower(btrim(new.reference))) then
        raise exception 'a grant bears the cost with this reference'
            using errcode = 'check_violation', constraint = 'match_not_a_cost';
    end if;
    return new;
end $$;
create trigger match_contributions_guard before insert or update on match_contributions
    for each row execute function guard_match_contribution();
create trigger match_contributions_no_delete before delete on match_contributions
    for each row execute function refuse_change();
create trigger match_contributions_no_truncate before truncate on match_contributions
    for each statement execute function refuse_change();

-- What somebody contributed is not charged to a grant afterwards either.
create index expenditures_reference on expenditures (lower(btrim(reference))) where reference is not null;
create function check_cost_is_no_match() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
    recipient uuid;
begin
    select recipient_id into recipient from grants where id = new.grant_id;
    perform hold_reference(recipient, new.reference);
    if exists (select from match_contributions c
                where c.recipient_id = recipient and c.declined_at is null
                  and lower(btrim(c.reference)) = lower(btrim(new.reference))) then
        raise exception 'this reference is of a contribution'
            using errcode = 'check_violation', constraint = 'expenditures_no_match';
    end if;
    return new;
end $$;
create trigger expenditures_no_match before insert on expenditures
    for each row when (new.reference is not null) execute function check_cost_is_no_match();

create function guard_match_acceptance() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
    contribution match_contributions;
    taken        numeric;
begin
    -- Parts are accepted one after another.
    select * into contribution from match_contributions where id = new.contribution_id for update;
    if contribution.declined_at is not null then
        raise exception 'the contribution was declined'
            using errcode = 'check_violation', constraint = 'match_acceptances_of_live';
    end if;
    if contribution.recorded_by = new.accepted_by then
        raise exception 'whoever recorded a contribution does not accept it'
            using errcode = 'check_violation', constraint = 'match_acceptances_by_another';
    end if;
    perform check_match(contribution, new.grant_id);
    select coalesce(sum(amount), 0) into taken from match_acceptances where contribution_id = new.contribution_id;
    if taken + new.amount > contribution.amount then
        raise exception 'more is accepted than was contributed'
            using errcode = 'check_violation', constraint = 'match_acceptances_within';
    end if;
    return new;
end $$;
create trigger match_acceptances_guard before insert on match_acceptances
    for each row execute function guard_match_acceptance();

-- A contribution and what is accepted of it are in the ledger, or they are not there.
create constraint trigger match_contributions_posted after insert on match_contributions
    deferrable initially deferred for each row execute function check_spending_posted();
create constraint trigger match_acceptances_posted after insert on match_acceptances
    deferrable initially deferred for each row execute function check_spending_posted();

-- And the other way round: match is in the ledger as it was recorded, accepted and declined.
create function check_transfer_of_match() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
    giver uuid;
    taker uuid;
begin
    select contribution_id into giver from ledger_accounts where id = new.from_account;
    select grant_id into taker from ledger_accounts where id = new.to_account;
    if not (case new.kind
            when 'CONTRIBUTE' then exists (
                select from match_contributions c where c.id = giver and c.id = new.cause_id and c.amount = new.amount)
            when 'ACCEPT_MATCH' then exists (
                select from match_acceptances a
                 where a.id = new.cause_id and a.contribution_id = giver and a.grant_id = taker and a.amount = new.amount)
            else exists (
                select from match_contributions c
                 where c.id = giver and c.declined_at is not null and c.amount = new.amount)
            end) then
        raise exception 'match is recorded, accepted and declined before it moves'
            using errcode = 'check_violation', constraint = 'ledger_transfers_of_match';
    end if;
    return null;
end $$;
create constraint trigger ledger_transfers_of_match after insert on ledger_transfers
    deferrable initially deferred for each row
    when (new.kind in ('CONTRIBUTE', 'ACCEPT_MATCH', 'DECLINE_MATCH')) execute function check_transfer_of_match();

-- A contribution that is declined leaves nothing unused.
create function check_match_declined() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if exists (select from ledger_accounts where contribution_id = new.id and kind = 'MATCH_UNUSED' and balance <> 0) then
        raise exception 'a declined contribution is still in the ledger'
            using errcode = 'check_violation', constraint = 'match_contributions_declined_posted';
    end if;
    return null;
end $$;
create constraint trigger match_contributions_declined_posted after update on match_contributions
    deferrable initially deferred for each row execute function check_match_declined();
