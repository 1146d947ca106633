-- What happens to disbursements, numbered for whoever follows it: a reader who has read up to a position never
-- finds anything new below it. Ids and times cannot do that: a transaction that began earlier may commit later.
-- So an event enters without a position, in the transaction that wrote it, and gets its position when everybody
-- can see it. That is also why commands send no NOTIFY: it lets transactions commit one at a time.
create table disbursement_feed (
    -- An event: only the trigger below enters them, and they are never removed.
    event_id uuid primary key,
    -- The order in which events entered: of one disbursement it is the order in which they happened, since a
    -- command holds the grant.
    entered  bigint generated always as identity,
    position bigint
);
-- The last position given.
create table disbursement_feed_head (
    only_row boolean primary key default true check (only_row),
    position bigint not null
);

lock table disbursement_events in share row exclusive mode;
insert into disbursement_feed (event_id, position)
select id, row_number() over (order by occurred_at, id) from disbursement_events order by occurred_at, id;
insert into disbursement_feed_head (position) select count(*) from disbursement_feed;

-- Rows stay as long as the events do, which are never removed: so a cursor never expires, and what waits is
-- found by an index that holds only that.
create unique index disbursement_feed_position on disbursement_feed (position) where position is not null;
create index disbursement_feed_waiting on disbursement_feed (entered) where position is null;

create function enter_disbursement_feed() returns trigger language plpgsql
    security definer set search_path = public, pg_temp as $$
begin
    insert into disbursement_feed (event_id) values (new.id);
    return null;
end $$;
create trigger disbursement_events_enter_feed after insert on disbursement_events
    for each row execute function enter_disbursement_feed();

-- Gives positions to what waits, and tells listeners once. Whoever comes while another does it leaves it to
-- that one. Answers how many got one.
create function number_disbursement_events(at_most integer) returns integer language plpgsql
    security definer set search_path = public, pg_temp as $$
declare
    head     bigint;
    numbered integer;
begin
    if not exists (select from disbursement_feed where position is null) then
        return 0;
    end if;
    select h.position into head from disbursement_feed_head h for update skip locked;
    if not found then
        return 0;
    end if;
    -- A statement of its own, so that it sees what the one before numbered.
    with waiting as (
        select f.event_id, row_number() over (order by f.entered) as place
          from (select event_id, entered from disbursement_feed where position is null order by entered limit at_most) f
    )
    update disbursement_feed f set position = head + w.place from waiting w where f.event_id = w.event_id;
    get diagnostics numbered = row_count;
    if numbered > 0 then
        update disbursement_feed_head set position = head + numbered;
        perform pg_notify('disbursement_feed', (head + numbered)::text);
    end if;
    return numbered;
end $$;
revoke execute on function number_disbursement_events(integer) from public;
grant execute on function number_disbursement_events(integer) to thrive_app;

-- A position stays as it was given.
create trigger disbursement_feed_append_only before delete on disbursement_feed
    for each row execute function refuse_change();
create trigger disbursement_feed_fixed before update on disbursement_feed
    for each row when (old.position is not null or new.event_id <> old.event_id or new.entered <> old.entered)
    execute function refuse_change();
create trigger disbursement_feed_no_truncate before truncate on disbursement_feed
    for each statement execute function refuse_change();
revoke insert, update on disbursement_feed, disbursement_feed_head from thrive_app;
