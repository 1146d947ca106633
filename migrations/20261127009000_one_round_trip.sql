-- A payment waits for the database four times: to begin, to lock and read, to write, and to commit. What it
-- reads and writes is gathered here; what others read as well is read through the same views and functions.

-- What rules look at in a grant, beside facts.
create view grant_circumstances as
select g.id, g.program_id, g.rule_set_id, g.parent_id,
       -- Once awarded, amendments count.
       case when g.status = 'DRAFT' then g.amount
            else coalesce((select -a.balance from ledger_accounts a
                            where a.grant_id = g.id and a.kind = 'SRC_PAY' and a.item_id is null), g.amount) end as amount,
       g.performance_start, g.performance_end, g.encumber_by, g.liquidate_by, g.final_invoice_by, g.signed_on,
       g.recipient_id, o.kind as recipient_kind,
       case when o.kind = 'CITY_GOVERNMENT' then o.city_id end as recipient_city,
       case when o.kind = 'COUNTY' then o.county_id end as recipient_county,
       array(select c.city_id from grant_cities c where c.grant_id = g.id order by c.share_bp desc, c.city_id) as cities,
       (select c.county_id from grant_cities gc join cities c on c.id = gc.city_id
         where gc.grant_id = g.id order by gc.share_bp desc, gc.city_id limit 1) as county,
       s.level = 'FEDERAL' as federal
  from grants g
  join organizations o on o.id = g.recipient_id
  join funding_programs p on p.id = g.program_id
  join funding_streams s on s.id = p.stream_id;

-- What is known of each subject as of a day: the latest fact of each kind, or else the population of the
-- 2020 Census, taken on 1 April 2020.
create function facts_known(of_cities uuid[], of_counties uuid[], of_organizations uuid[], on_day date)
    returns table (fact_id uuid, city_id uuid, county_id uuid, organization_id uuid, kind text, value text, as_of date)
    language sql stable set search_path = public, pg_temp as $$
    select distinct on (a.city_id, a.county_id, a.organization_id, a.kind)
           a.fact_id, a.city_id, a.county_id, a.organization_id, a.kind, a.value, a.as_of
      from (select f.id as fact_id, f.city_id, f.county_id, f.organization_id, f.kind, f.value, f.as_of, f.recorded_at
              from facts f
             where f.city_id = any(of_cities) or f.county_id = any(of_counties)
                or f.organization_id = any(of_organizations)
             union all
            select null, c.id, null, null, 'POPULATION', c.population::text, date '2020-04-01', '-infinity'
              from cities c where c.id = any(of_cities) and c.population is not null
             union all
            select null, null, c.id, null, 'POPULATION', c.population::text, date '2020-04-01', '-infinity'
              from counties c where c.id = any(of_counties) and c.population is not null) a
     where a.as_of <= on_day
     order by a.city_id, a.county_id, a.organization_id, a.kind, a.as_of desc, a.recorded_at desc, a.fact_id desc
$$;

-- What recipients were to hand in and is late. Whoever asks knows which grants they may see.
create function overdue_deliverables(of_grants uuid[], at_moment timestamptz)
    returns table (grant_id uuid, kind text, title text)
    language sql stable set search_path = public, pg_temp as $$
    select d.grant_id, d.kind,
           d.title || ', due on ' || d.due_on || case when r.status = 'RETURNED' then ', returned' else '' end
      from deadlines d
      left join reports r on r.deadline_id = d.id
     where d.grant_id = any(of_grants) and d.status = 'OPEN'
       and d.kind in ('PROGRESS_REPORT', 'FINANCIAL_REPORT', 'CLOSEOUT', 'RESOLUTION')
       and d.duty is distinct from 'FUNDER'
       and (d.due_on + coalesce(d.due_time, time '23:59:59')) at time zone d.zone < at_moment
     order by d.grant_id, d.due_on, d.id
$$;

-- Locks the grant of a disbursement and answers all that a payment looks at, as one document: amounts are text.
-- Each statement sees what was committed before it, so what is read after the lock is current. The key of the
-- request is reserved first; where it was used before, that is the answer.
create function hold_for_payment(subject uuid, everything boolean, organizations uuid[], of_cities uuid[],
                                 person uuid, of_mutation text, with_key text, with_hash bytea, at_moment timestamptz,
                                 today date, remembered_days integer)
    returns jsonb language plpgsql volatile set search_path = public, pg_temp as $$
declare
    held   grants;
    paying disbursements;
    bound  grant_circumstances;
    before idempotency_keys;
begin
    insert into idempotency_keys (person_id, mutation, key, input_hash, object_id, created_at)
    values (person, of_mutation, with_key, with_hash, subject, at_moment)
        on conflict (person_id, mutation, key) do update
       set input_hash = excluded.input_hash, object_id = excluded.object_id, created_at = excluded.created_at
     where idempotency_keys.created_at < at_moment - make_interval(days => remembered_days);
    if not found then
        select * into before from idempotency_keys
         where person_id = person and mutation = of_mutation and key = with_key;
        return jsonb_build_object('before', jsonb_build_object(
            'input_hash', encode(before.input_hash, 'hex'), 'object_id', before.object_id));
    end if;

    select g.* into held
      from grants g
     where g.id = (select d.grant_id from disbursements d where d.id = subject)
       and (everything or g.recipient_id = any(organizations)
            or exists (select from grant_cities c where c.grant_id = g.id and c.city_id = any(of_cities)))
       for no key update;
    if not found then
        return '{}';
    end if;
    select * into paying from disbursements where id = subject;
    select * into bound from grant_circumstances where id = held.id;
    return jsonb_build_object('held', jsonb_build_object(
        'grant', to_jsonb(held) || jsonb_build_object('amount', held.amount::text),
        'disbursement', to_jsonb(paying) || jsonb_build_object(
            'amount', paying.amount::text, 'approved_amount', paying.approved_amount::text,
            'retained', paying.retained::text),
        'claims', (select coalesce(jsonb_agg(jsonb_build_object(
                              'line_id', c.line_id, 'amount', c.amount::text, 'approved_amount', c.approved_amount::text,
                              'new_costs', c.new_costs::text) order by l.position), '[]')
                     from disbursement_lines c join budget_lines l on l.id = c.line_id
                    where c.disbursement_id = subject and c.submission = paying.submission),
        'circumstances', to_jsonb(bound) || jsonb_build_object('amount', bound.amount::text),
        'rules', (select coalesce(jsonb_agg(to_jsonb(r) order by r.place, r.id), '[]')
                    from rules r where r.rule_set_id = held.rule_set_id),
        'overrides', (select coalesce(jsonb_agg(to_jsonb(o) || jsonb_build_object('kind', r.kind)
                                                order by o.proposed_at, o.id), '[]')
                        from rule_overrides o join rules r on r.id = o.rule_id
                       where o.grant_id = held.id and o.status = 'APPROVED'),
        'facts', (select coalesce(jsonb_agg(to_jsonb(f)), '[]')
                    from facts_known(array_append(bound.cities, bound.recipient_city),
                                     array[bound.county, bound.recipient_county], array[bound.recipient_id], today) f),
        'overdue', (select coalesce(jsonb_agg(jsonb_build_object('kind', d.kind, 'title', d.title)), '[]')
                      from overdue_deliverables(array[held.id], at_moment) d),
        'resolved', exists (select from grant_documents d where d.grant_id = held.id and d.kind = 'RESOLUTION')));
end $$;

-- An account by whose it is, each through its index.
create function ledger_account(of_grant uuid, of_allocation uuid, of_contribution uuid, of_kind text, of_item uuid)
    returns setof ledger_accounts language sql stable set search_path = public, pg_temp as $$
    select * from ledger_accounts a
     where a.grant_id = of_grant and a.kind = of_kind and a.item_id is not distinct from of_item
     union all
    select * from ledger_accounts a
     where a.grant_id is null and a.allocation_id = of_allocation and a.kind = of_kind
       and a.item_id is not distinct from of_item
     union all
    select * from ledger_accounts a
     where a.grant_id is null and a.allocation_id is null and a.contribution_id = of_contribution and a.kind = of_kind
       and a.item_id is not distinct from of_item
$$;

-- Posts what one event moves. Accounts that are not there yet are opened with it. Answers how many entries were
-- posted: fewer than were given means that one went nowhere.
create function post_ledger_entries(ids uuid[], kinds text[], amounts numeric[],
                                    from_ids uuid[], from_grants uuid[], from_allocations uuid[],
                                    from_contributions uuid[], from_kinds text[], from_items uuid[],
                                    to_ids uuid[], to_grants uuid[], to_allocations uuid[],
                                    to_contributions uuid[], to_kinds text[], to_items uuid[],
                                    of_cause uuid, effective date, at_moment timestamptz, is_opening boolean,
                                    of_reversed uuid)
    returns bigint language plpgsql volatile set search_path = public, pg_temp as $$
declare
    posted bigint;
begin
    with wanted as (
        select * from unnest(from_ids, from_grants, from_allocations, from_contributions, from_kinds, from_items)
                   as f (id, grant_id, allocation_id, contribution_id, kind, item_id)
         union all
        select * from unnest(to_ids, to_grants, to_allocations, to_contributions, to_kinds, to_items)
    )
    insert into ledger_accounts (id, grant_id, allocation_id, contribution_id, kind, item_id)
    select distinct on (w.grant_id, w.allocation_id, w.contribution_id, w.kind, w.item_id) w.*
      from wanted w
     order by w.grant_id, w.allocation_id, w.contribution_id, w.kind, w.item_id
        on conflict on constraint ledger_accounts_once do nothing;
    insert into ledger_transfers
           (id, from_account, to_account, from_kind, to_kind, amount, kind, cause_id, effective_on, recorded_at, opening,
            reverses_id)
    select e.id, source.id, target.id, source.kind, target.kind, e.amount, e.kind, of_cause, effective, at_moment,
           is_opening,
           (select t.id from ledger_transfers t
             where t.cause_id = of_reversed and t.from_account = target.id and t.to_account = source.id)
      from unnest(ids, kinds, amounts, from_grants, from_allocations, from_contributions, from_kinds, from_items,
                  to_grants, to_allocations, to_contributions, to_kinds, to_items) with ordinality
           as e (id, kind, amount, from_grant, from_allocation, from_contribution, from_kind, from_item,
                 to_grant, to_allocation, to_contribution, to_kind, to_item, place)
     cross join lateral ledger_account(e.from_grant, e.from_allocation, e.from_contribution, e.from_kind, e.from_item)
           as source
     cross join lateral ledger_account(e.to_grant, e.to_allocation, e.to_contribution, e.to_kind, e.to_item) as target
     order by e.place;
    get diagnostics posted = row_count;
    return posted;
end $$;

-- A grant is not closed while its final report is not accepted: one that was waived, or is no longer due, is none.
create or replace function check_grant_ended() returns trigger language plpgsql set search_path = public, pg_temp as $$
declare
    open text;
begin
    select kind into open from ledger_accounts
     where grant_id = new.id and balance <> 0
       and kind not in ('PAID', 'CLAIMED', 'MATCH_MET', 'LAPSED', 'LAPSED_USE') and kind not like 'SRC%'
     limit 1;
    if found then
        raise exception 'the grant still has money in %', open
            using errcode = 'check_violation', constraint = 'grants_ended_clean';
    end if;
    if exists (select from reports r join deadlines d on d.id = r.deadline_id
                where r.grant_id = new.id and r.is_final and not r.withdrawn
                  and (r.status = 'SUBMITTED' or r.status in ('DUE', 'RETURNED') and d.status = 'OPEN')) then
        raise exception 'the final report of the grant is not accepted'
            using errcode = 'check_violation', constraint = 'grants_ended_reported';
    end if;
    return null;
end $$;
