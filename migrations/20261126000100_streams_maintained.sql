-- Administrators add streams and programs, so a code is checked for its form,
-- no longer for its name. Edits name the revision that they read.
alter table funding_streams
    drop constraint funding_streams_code_check,
    add constraint funding_streams_code_form check (code ~ '^[A-Z][A-Z0-9_]{1,39}$'),
    add constraint funding_streams_not_own_successor check (successor_id <> id),
    add column revision integer not null default 1,
    add column updated_at timestamptz not null default '2026-11-26';
alter table funding_streams alter column updated_at drop default;

alter table funding_programs
    add constraint funding_programs_code_form check (code ~ '^[A-Z0-9][A-Z0-9_-]{1,59}$'),
    add constraint funding_programs_not_own_parent check (parent_id <> id),
    add column revision integer not null default 1,
    add column updated_at timestamptz not null default '2026-11-26';
alter table funding_programs alter column updated_at drop default;

-- A child of a child of itself would be looked up for ever, and a tree across
-- two streams would have rules of the wrong law. One change of the tree at a
-- time: two at once could close a circle that neither sees.
create function check_program_tree() returns trigger language plpgsql
    set search_path = public, pg_temp as $$
begin
    if new.parent_id is null then
        return new;
    end if;
    perform pg_advisory_xact_lock(hashtext('funding_programs tree'));
    if exists (with recursive above (id, parent_id) as (
                   select id, parent_id from funding_programs where id = new.parent_id
                    union
                   select p.id, p.parent_id from funding_programs p join above a on p.id = a.parent_id)
               select from above where id = new.id) then
        raise exception 'a program cannot be part of itself'
            using errcode = 'check_violation', constraint = 'funding_programs_tree';
    end if;
    if (select stream_id from funding_programs where id = new.parent_id) <> new.stream_id then
        raise exception 'a program and the program that it is part of have one stream'
            using errcode = 'check_violation', constraint = 'funding_programs_one_stream';
    end if;
    return new;
end $$;

create trigger funding_programs_tree before insert or update on funding_programs
    for each row execute function check_program_tree();

-- What a stream or program is called in grants and rules stays.
create function keep_code() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if new.code <> old.code or new.id <> old.id then
        raise exception 'a code stays: other things refer to it'
            using errcode = 'check_violation', constraint = 'code_stays';
    end if;
    return new;
end $$;
create trigger funding_streams_keep_code before update on funding_streams
    for each row execute function keep_code();
create trigger funding_programs_keep_code before update on funding_programs
    for each row execute function keep_code();

-- Grants and rules of a program are of its stream.
create function keep_stream() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    if new.stream_id <> old.stream_id then
        raise exception 'a program keeps its stream'
            using errcode = 'check_violation', constraint = 'funding_programs_keep_stream';
    end if;
    return new;
end $$;
create trigger funding_programs_keep_stream before update on funding_programs
    for each row execute function keep_stream();
