-- What lists are read by. A list of disbursements by stream or recipient in the order of payment is a stretch of an
-- index only where the disbursement itself has both: they are its grant's, and foreign keys keep them so.

alter table funding_programs add constraint funding_programs_of_stream unique (id, stream_id);
alter table grants add column stream_id uuid;
alter table disbursements add column recipient_id uuid, add column stream_id uuid;

-- A copy of what is known already is no change that anybody made.
alter table grants disable trigger user;
alter table disbursements disable trigger user;
update grants g set stream_id = p.stream_id from funding_programs p where p.id = g.program_id;
update disbursements d set recipient_id = g.recipient_id, stream_id = g.stream_id from grants g where g.id = d.grant_id;
alter table grants enable trigger user;
alter table disbursements enable trigger user;

create function copy_stream() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    select stream_id into new.stream_id from funding_programs where id = new.program_id;
    return new;
end $$;
create trigger grants_stream before insert or update of program_id on grants
    for each row execute function copy_stream();

create function copy_recipient_and_stream() returns trigger language plpgsql set search_path = public, pg_temp as $$
begin
    select recipient_id, stream_id into new.recipient_id, new.stream_id from grants where id = new.grant_id;
    return new;
end $$;
create trigger disbursements_copies before insert on disbursements
    for each row execute function copy_recipient_and_stream();

alter table grants
    alter column stream_id set not null,
    add constraint grants_of_stream foreign key (program_id, stream_id) references funding_programs (id, stream_id),
    add constraint grants_terms_once unique (id, recipient_id, stream_id);
alter table disbursements
    alter column recipient_id set not null,
    alter column stream_id set not null,
    add constraint disbursements_of_grant foreign key (grant_id, recipient_id, stream_id)
        references grants (id, recipient_id, stream_id);

-- By day of payment; what has none comes before every day.
drop index disbursements_paid_on_idx;
create index disbursements_by_payment on disbursements ((coalesce(paid_on, '-infinity'::date)) desc, id desc);
create index disbursements_of_stream_by_payment
    on disbursements (stream_id, (coalesce(paid_on, '-infinity'::date)) desc, id desc);
create index disbursements_of_recipient_by_payment
    on disbursements (recipient_id, (coalesce(paid_on, '-infinity'::date)) desc, id desc);
-- The last few of each of many grants are read from the index alone.
create index disbursements_of_grant_by_payment
    on disbursements (grant_id, (coalesce(paid_on, '-infinity'::date)) desc, id desc) include (paid_on, amount, status);
drop index grants_recipient_id_idx;
create index grants_of_recipient on grants (recipient_id, id desc);
create index grants_of_stream on grants (stream_id, id desc);
create index deadlines_by_day on deadlines (due_on, id);

-- Changes with whatever may change who somebody is taken for: the process that remembers who a token speaks for
-- reads this with each answer, in the same statement. New tokens are nobody's memory yet.
create table access_stamp (
    only_row boolean primary key default true check (only_row),
    stamp    bigint not null
);
insert into access_stamp (stamp) values (1);
revoke insert, update, delete, truncate on access_stamp from thrive_app;

create function change_access_stamp() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update access_stamp set stamp = stamp + 1;
    return null;
end $$;

-- When the transaction ends, so that nobody waits for another's whole transaction, nor two for each other.
create constraint trigger access_tokens_remembered
    after delete or update of person_id, role, secret_hash, expires_at, revoked_at, scope, kind on access_tokens
    deferrable initially deferred for each row execute function change_access_stamp();
create constraint trigger role_grants_remembered after insert or update or delete on role_grants
    deferrable initially deferred for each row execute function change_access_stamp();
create constraint trigger organizations_remembered after delete or update of city_id, kind on organizations
    deferrable initially deferred for each row execute function change_access_stamp();
