-- A mutation that moves money is sent with a key. The first success under a key
-- is remembered, and answered again when the same request comes again.
create table idempotency_keys (
    person_id  uuid not null references people,
    mutation   text not null,
    key        text not null check (length(key) between 1 and 200),
    input_hash bytea not null check (octet_length(input_hash) = 32),
    object_id  uuid not null,
    created_at timestamptz not null,
    primary key (person_id, mutation, key)
);
create index on idempotency_keys (created_at);
