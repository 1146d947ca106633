-- Sums over grants that are read and not summed. Three tables follow the ledger's entries, in their transaction: what
-- each grant has, what each grant had moved in each fiscal year, and what all grants of a program had moved in
-- each fiscal year. The last would be one row that all writers wait for: each statement appends what it changes, and a
-- job folds that into one row from time to time; both are read together. Amounts are whole cents: sums of them
-- take half the time of sums of numeric.

create function fiscal_year_of(day date) returns integer language sql immutable parallel safe as
    $$ select extract(year from day)::int - (extract(month from day) < 7)::int $$;

-- Which figure an account of a kind counts in, and with which sign. Kinds that count in none are there as well: their
-- entries tell when a grant began.
create table ledger_kind_figures (
    kind                text primary key references ledger_account_kinds,
    awarded             smallint not null default 0,
    available           smallint not null default 0,
    requested           smallint not null default 0,
    approved            smallint not null default 0,
    retained            smallint not null default 0,
    disbursed           smallint not null default 0,
    lapsed              smallint not null default 0,
    unobligated         smallint not null default 0,
    encumbered          smallint not null default 0,
    expended            smallint not null default 0,
    advance_outstanding smallint not null default 0,
    match_met           smallint not null default 0
);
insert into ledger_kind_figures (kind, awarded, available, requested, approved, retained, disbursed, lapsed, unobligated,
                                 encumbered, expended, advance_outstanding, match_met)
select kind, -(kind = 'SRC_PAY')::int, (kind = 'AVAILABLE')::int, (kind = 'REQUESTED')::int, (kind = 'APPROVED')::int,
       (kind = 'RETAINED')::int, (kind = 'PAID')::int, (kind = 'LAPSED')::int, (kind = 'UNOBLIGATED')::int,
       (kind = 'ENCUMBERED')::int, (kind in ('UNCLAIMED', 'CLAIM_PENDING', 'CLAIMED'))::int,
       (kind = 'ADVANCE_OPEN')::int, (kind = 'MATCH_MET')::int
  from ledger_account_kinds;

-- Of its whole life.
create table grant_totals (
    grant_id            uuid primary key references grants,
    -- In which its first entry is effective.
    first_year          integer not null,
    awarded             bigint not null,
    available           bigint not null,
    requested           bigint not null,
    approved            bigint not null,
    retained            bigint not null,
    disbursed           bigint not null,
    lapsed              bigint not null,
    unobligated         bigint not null,
    encumbered          bigint not null,
    expended            bigint not null,
    advance_outstanding bigint not null,
    match_met           bigint not null
) with (fillfactor = 80);

-- What came in a fiscal year, less what went.
create table grant_year_totals (
    grant_id            uuid not null references grants,
    fiscal_year         integer not null,
    awarded             bigint not null,
    available           bigint not null,
    requested           bigint not null,
    approved            bigint not null,
    retained            bigint not null,
    disbursed           bigint not null,
    lapsed              bigint not null,
    unobligated         bigint not null,
    encumbered          bigint not null,
    expended            bigint not null,
    advance_outstanding bigint not null,
    match_met           bigint not null,
    primary key (grant_id, fiscal_year)
) with (fillfactor = 80);

-- The same of all grants of a program. The row without a year tells how many grants there are, and how many of them
-- are drafts; a row with one, how many have their first entry in it.
create table funding_totals (
    program_id          uuid not null references funding_programs,
    fiscal_year         integer,
    grants              bigint not null,
    drafts              bigint not null,
    awarded             bigint not null,
    available           bigint not null,
    requested           bigint not null,
    approved            bigint not null,
    retained            bigint not null,
    disbursed           bigint not null,
    lapsed              bigint not null,
    unobligated         bigint not null,
    encumbered          bigint not null,
    expended            bigint not null,
    advance_outstanding bigint not null,
    match_met           bigint not null,
    constraint funding_totals_once unique nulls not distinct (program_id, fiscal_year)
) with (fillfactor = 50);

-- What is not in funding_totals yet. No reference to the program: its row would be locked by every writer.
create table funding_total_changes (
    id                  bigint generated always as identity primary key,
    program_id          uuid not null,
    fiscal_year         integer,
    grants              bigint not null default 0,
    drafts              bigint not null default 0,
    awarded             bigint not null default 0,
    available           bigint not null default 0,
    requested           bigint not null default 0,
    approved            bigint not null default 0,
    retained            bigint not null default 0,
    disbursed           bigint not null default 0,
    lapsed              bigint not null default 0,
    unobligated         bigint not null default 0,
    encumbered          bigint not null default 0,
    expended            bigint not null default 0,
    advance_outstanding bigint not null default 0,
    match_met           bigint not null default 0
-- Rows come and go all the time, and readers pass over those that went.
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

create view funding_totals_now as
select program_id, fiscal_year, sum(grants)::bigint as grants, sum(drafts)::bigint as drafts,
       sum(awarded)::bigint as awarded, sum(available)::bigint as available, sum(requested)::bigint as requested,
       sum(approved)::bigint as approved, sum(retained)::bigint as retained, sum(disbursed)::bigint as disbursed,
       sum(lapsed)::bigint as lapsed, sum(unobligated)::bigint as unobligated, sum(encumbered)::bigint as encumbered,
       sum(expended)::bigint as expended, sum(advance_outstanding)::bigint as advance_outstanding,
       sum(match_met)::bigint as match_met
  from (select program_id, fiscal_year, grants, drafts, awarded, available, requested, approved, retained, disbursed,
               lapsed, unobligated, encumbered, expended, advance_outstanding, match_met
          from funding_totals
         union all
        select program_id, fiscal_year, grants, drafts, awarded, available, requested, approved, retained, disbursed,
               lapsed, unobligated, encumbered, expended, advance_outstanding, match_met
          from funding_total_changes) told
 group by program_id, fiscal_year;

-- Both sides of every entry of a grant, by figure: what the tables above are compared with.
create view grant_entries as
select a.grant_id, fiscal_year_of(t.effective_on) as fiscal_year, t.effective_on, t.recorded_at,
       t.cents * f.awarded as awarded, t.cents * f.available as available, t.cents * f.requested as requested,
       t.cents * f.approved as approved, t.cents * f.retained as retained, t.cents * f.disbursed as disbursed,
       t.cents * f.lapsed as lapsed, t.cents * f.unobligated as unobligated, t.cents * f.encumbered as encumbered,
       t.cents * f.expended as expended, t.cents * f.advance_outstanding as advance_outstanding,
       t.cents * f.match_met as match_met
  from (select to_account as account_id, effective_on, recorded_at, (amount * 100)::bigint as cents
          from ledger_transfers
         union all
        select from_account, effective_on, recorded_at, -(amount * 100)::bigint
          from ledger_transfers) t
  join ledger_accounts a on a.id = t.account_id
  join ledger_kind_figures f on f.kind = a.kind
 where a.grant_id is not null;

-- The same from the totals of whole months.
create view grant_months as
select a.grant_id, fiscal_year_of(m.month) as fiscal_year, m.month,
       m.cents * f.awarded as awarded, m.cents * f.available as available, m.cents * f.requested as requested,
       m.cents * f.approved as approved, m.cents * f.retained as retained, m.cents * f.disbursed as disbursed,
       m.cents * f.lapsed as lapsed, m.cents * f.unobligated as unobligated, m.cents * f.encumbered as encumbered,
       m.cents * f.expended as expended, m.cents * f.advance_outstanding as advance_outstanding,
       m.cents * f.match_met as match_met
  from (select account_id, month, ((amount_in - amount_out) * 100)::bigint as cents from ledger_months) m
  join ledger_accounts a on a.id = m.account_id
  join ledger_kind_figures f on f.kind = a.kind
 where a.grant_id is not null;

-- Runs as its owner, because nobody else may write totals. One statement for all entries of a statement, so that a
-- payment of several entries pays once.
create function follow_ledger_transfers() returns trigger language plpgsql
    security definer set search_path = public, pg_temp as $$
begin
    with moved as (
        select a.grant_id, fiscal_year_of(p.effective_on) as fiscal_year,
               sum(p.cents * f.awarded)::bigint as awarded, sum(p.cents * f.available)::bigint as available,
               sum(p.cents * f.requested)::bigint as requested, sum(p.cents * f.approved)::bigint as approved,
               sum(p.cents * f.retained)::bigint as retained, sum(p.cents * f.disbursed)::bigint as disbursed,
               sum(p.cents * f.lapsed)::bigint as lapsed, sum(p.cents * f.unobligated)::bigint as unobligated,
               sum(p.cents * f.encumbered)::bigint as encumbered, sum(p.cents * f.expended)::bigint as expended,
               sum(p.cents * f.advance_outstanding)::bigint as advance_outstanding,
               sum(p.cents * f.match_met)::bigint as match_met
          from (select to_account as account_id, effective_on, (amount * 100)::bigint as cents from posted
                 union all
                select from_account, effective_on, -(amount * 100)::bigint from posted) p
          join ledger_accounts a on a.id = p.account_id
          join ledger_kind_figures f on f.kind = a.kind
         where a.grant_id is not null
         group by 1, 2
    ), whole as (
        insert into grant_totals as t
        select grant_id, min(fiscal_year), sum(awarded)::bigint, sum(available)::bigint, sum(requested)::bigint,
               sum(approved)::bigint, sum(retained)::bigint, sum(disbursed)::bigint, sum(lapsed)::bigint,
               sum(unobligated)::bigint, sum(encumbered)::bigint, sum(expended)::bigint,
               sum(advance_outstanding)::bigint, sum(match_met)::bigint
          from moved
         group by grant_id
         -- Always in the order of the ids, so that two writers cannot wait for each other.
         order by grant_id
            on conflict (grant_id) do update
           set first_year = least(t.first_year, excluded.first_year),
               awarded = t.awarded + excluded.awarded,
               available = t.available + excluded.available,
               requested = t.requested + excluded.requested,
               approved = t.approved + excluded.approved,
               retained = t.retained + excluded.retained,
               disbursed = t.disbursed + excluded.disbursed,
               lapsed = t.lapsed + excluded.lapsed,
               unobligated = t.unobligated + excluded.unobligated,
               encumbered = t.encumbered + excluded.encumbered,
               expended = t.expended + excluded.expended,
               advance_outstanding = t.advance_outstanding + excluded.advance_outstanding,
               match_met = t.match_met + excluded.match_met
    ), of_year as (
        insert into grant_year_totals as t
        select * from moved order by grant_id, fiscal_year
            on conflict (grant_id, fiscal_year) do update
           set awarded = t.awarded + excluded.awarded,
               available = t.available + excluded.available,
               requested = t.requested + excluded.requested,
               approved = t.approved + excluded.approved,
               retained = t.retained + excluded.retained,
               disbursed = t.disbursed + excluded.disbursed,
               lapsed = t.lapsed + excluded.lapsed,
               unobligated = t.unobligated + excluded.unobligated,
               encumbered = t.encumbered + excluded.encumbered,
               expended = t.expended + excluded.expended,
               advance_outstanding = t.advance_outstanding + excluded.advance_outstanding,
               match_met = t.match_met + excluded.match_met
    )
    insert into funding_total_changes (program_id, fiscal_year, awarded, available, requested, approved, retained,
                                       disbursed, lapsed, unobligated, encumbered, expended, advance_outstanding, match_met)
    select g.program_id, m.fiscal_year, sum(m.awarded), sum(m.available), sum(m.requested), sum(m.approved),
           sum(m.retained), sum(m.disbursed), sum(m.lapsed), sum(m.unobligated), sum(m.encumbered), sum(m.expended),
           sum(m.advance_outstanding), sum(m.match_met)
      from moved m join grants g on g.id = m.grant_id
     group by g.program_id, m.fiscal_year;
    return null;
end $$;
create trigger ledger_transfers_followed after insert on ledger_transfers
    referencing new table as posted for each statement execute function follow_ledger_transfers();

-- A grant counts from the year of its first entry, which may be told late.
create function follow_first_year() returns trigger language plpgsql
    security definer set search_path = public, pg_temp as $$
begin
    insert into funding_total_changes (program_id, fiscal_year, grants)
    select program_id, new.first_year, 1 from grants where id = new.grant_id;
    if tg_op = 'UPDATE' then
        insert into funding_total_changes (program_id, fiscal_year, grants)
        select program_id, old.first_year, -1 from grants where id = new.grant_id;
    end if;
    return null;
end $$;
create trigger grant_totals_first after insert on grant_totals
    for each row execute function follow_first_year();
create trigger grant_totals_earlier after update of first_year on grant_totals
    for each row when (old.first_year <> new.first_year) execute function follow_first_year();

-- Everybody may sum what is no draft: a draft that has entries would be in the sums and not in the count.
create function refuse_entries_of_draft() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if exists (select from grants where id = new.grant_id and status = 'DRAFT') then
        raise exception 'a draft has no entries: award it first'
            using errcode = 'check_violation', constraint = 'grant_totals_no_draft';
    end if;
    return null;
end $$;
create constraint trigger grant_totals_no_draft after insert on grant_totals
    deferrable initially deferred for each row execute function refuse_entries_of_draft();

create function follow_grants() returns trigger language plpgsql
    security definer set search_path = public, pg_temp as $$
begin
    if tg_op <> 'INSERT' then
        insert into funding_total_changes (program_id, grants, drafts)
        values (old.program_id, -1, -(old.status = 'DRAFT')::int);
    end if;
    if tg_op <> 'DELETE' then
        insert into funding_total_changes (program_id, grants, drafts)
        values (new.program_id, 1, (new.status = 'DRAFT')::int);
    end if;
    if tg_op = 'UPDATE' and new.program_id <> old.program_id
       and exists (select from grant_totals where grant_id = new.id) then
        raise exception 'a grant with entries keeps its program'
            using errcode = 'check_violation', constraint = 'grants_keep_program';
    end if;
    return null;
end $$;
create trigger grants_counted after insert or delete on grants
    for each row execute function follow_grants();
create trigger grants_counted_again after update of program_id, status on grants
    for each row
    when (old.program_id <> new.program_id or (old.status = 'DRAFT') <> (new.status = 'DRAFT'))
    execute function follow_grants();

-- Takes what was appended into the sums, the oldest first; answers how many rows it took. Whoever folds at the same
-- time takes others.
create function fold_funding_totals(most bigint) returns bigint language plpgsql
    security definer set search_path = public, pg_temp as $$
declare
    taken bigint;
begin
    with taken as (
        delete from funding_total_changes
         where id in (select id from funding_total_changes order by id limit most for update skip locked)
        returning *
    ), folded as (
        insert into funding_totals as t
        select program_id, fiscal_year, sum(grants), sum(drafts), sum(awarded), sum(available), sum(requested),
               sum(approved), sum(retained), sum(disbursed), sum(lapsed), sum(unobligated), sum(encumbered),
               sum(expended), sum(advance_outstanding), sum(match_met)
          from taken
         group by program_id, fiscal_year
         order by program_id, fiscal_year
            on conflict on constraint funding_totals_once do update
           set grants = t.grants + excluded.grants,
               drafts = t.drafts + excluded.drafts,
               awarded = t.awarded + excluded.awarded,
               available = t.available + excluded.available,
               requested = t.requested + excluded.requested,
               approved = t.approved + excluded.approved,
               retained = t.retained + excluded.retained,
               disbursed = t.disbursed + excluded.disbursed,
               lapsed = t.lapsed + excluded.lapsed,
               unobligated = t.unobligated + excluded.unobligated,
               encumbered = t.encumbered + excluded.encumbered,
               expended = t.expended + excluded.expended,
               advance_outstanding = t.advance_outstanding + excluded.advance_outstanding,
               match_met = t.match_met + excluded.match_met
    )
    select count(*) into taken from taken;
    return taken;
end $$;

-- Makes the totals anew from the ledger's entries: here, and for the owner after rows came in past the triggers.
-- Writers wait meanwhile.
create function fill_funding_totals() returns void language plpgsql set search_path = public, pg_temp as $$
begin
    lock table ledger_transfers, grants in share row exclusive mode;
    delete from grant_year_totals;
    insert into grant_year_totals
    select grant_id, fiscal_year, sum(awarded), sum(available), sum(requested), sum(approved), sum(retained),
           sum(disbursed), sum(lapsed), sum(unobligated), sum(encumbered), sum(expended), sum(advance_outstanding),
           sum(match_met)
      from grant_entries
     group by grant_id, fiscal_year;
    delete from grant_totals;
    insert into grant_totals
    select grant_id, min(fiscal_year), sum(awarded), sum(available), sum(requested), sum(approved), sum(retained),
           sum(disbursed), sum(lapsed), sum(unobligated), sum(encumbered), sum(expended), sum(advance_outstanding),
           sum(match_met)
      from grant_year_totals
     group by grant_id;
    -- With them came changes that count first years; all counts are made below.
    delete from funding_total_changes;
    delete from funding_totals;
    insert into funding_totals
    select g.program_id, y.fiscal_year, count(*) filter (where t.first_year = y.fiscal_year), 0,
           sum(y.awarded), sum(y.available), sum(y.requested), sum(y.approved), sum(y.retained), sum(y.disbursed),
           sum(y.lapsed), sum(y.unobligated), sum(y.encumbered), sum(y.expended), sum(y.advance_outstanding),
           sum(y.match_met)
      from grant_year_totals y
      join grant_totals t on t.grant_id = y.grant_id
      join grants g on g.id = y.grant_id
     group by g.program_id, y.fiscal_year;
    insert into funding_totals
    select program_id, null, count(*), count(*) filter (where status = 'DRAFT'), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
      from grants
     group by program_id;
end $$;
select fill_funding_totals();

-- Whoever may use a trigger's function could make a trigger of the own with it.
revoke execute on function follow_ledger_transfers(), follow_first_year(), follow_grants(), fill_funding_totals(),
    fold_funding_totals(bigint) from public;
grant execute on function fold_funding_totals(bigint) to thrive_app;
revoke insert, update, delete, truncate
    on ledger_kind_figures, grant_totals, grant_year_totals, funding_totals, funding_total_changes from thrive_app;
revoke insert, update on funding_totals_now, grant_entries, grant_months from thrive_app;
