-- Two roles share the database. The owner, who runs these migrations, makes
-- and changes tables; the service works as thrive_app, which may read, add and
-- change rows but never remove one: history is archived or reversed, not
-- deleted. Tables that hold money or history take further rights away.
do $$
begin
    if not exists (select from pg_roles where rolname = 'thrive_app') then
        create role thrive_app nologin;
    end if;
end $$;

-- Nobody but the owner makes tables that a trigger could mistake for its own.
revoke create on schema public from public;
grant usage on schema public to thrive_app;
alter default privileges in schema public grant select, insert, update on tables to thrive_app;

-- For tables that only grow. A row trigger does not see truncate, so the
-- statement trigger below goes with it.
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: record a reversal instead', tg_table_name
        using errcode = 'restrict_violation';
end $$;
