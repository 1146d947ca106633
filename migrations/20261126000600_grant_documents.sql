-- What a grant rests on: its agreement, the governing body's resolution, amendments, evidence. Thrive
-- keeps where a document is and what it hashes to, not the document. A wrong entry is not changed: the
-- right one is entered beside it.
create table grant_documents (
    id       uuid primary key,
    grant_id uuid not null references grants,
    kind     text not null check (kind in ('AGREEMENT', 'RESOLUTION', 'AMENDMENT', 'EVIDENCE', 'OTHER')),
    title    text not null check (btrim(title) <> ''),
    dated_on date not null,
    url      text not null constraint grant_documents_url_form check (url ~ '^https?://'),
    sha256   text not null constraint grant_documents_sha256_form check (sha256 ~ '^[0-9a-f]{64}$'),
    added_by uuid not null references people,
    added_at timestamptz not null,
    constraint grant_documents_once unique (grant_id, kind, sha256)
);
create trigger grant_documents_append_only before update or delete on grant_documents
    for each row execute function refuse_change();
create trigger grant_documents_no_truncate before truncate on grant_documents
    for each statement execute function refuse_change();
revoke update on grant_documents from thrive_app;
