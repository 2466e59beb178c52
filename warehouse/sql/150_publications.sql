-- What publication remembers. Safe to run again.
create schema if not exists ops;

create table if not exists ops.publications (
    publication_id bigint generated always as identity primary key,
    run_id text not null,
    published_at timestamptz not null,
    rows_inserted bigint not null,
    rows_deleted bigint not null,
    tables jsonb not null
);
comment on table ops.publications is 'Publications of marts and reports. One row per publication.';
comment on column ops.publications.publication_id is 'Order of publications.';
comment on column ops.publications.run_id is 'Run that published.';
comment on column ops.publications.published_at is 'The moment, never before that of an earlier publication.';
comment on column ops.publications.rows_inserted is 'Rows that are new or changed, over all tables.';
comment on column ops.publications.rows_deleted is 'Rows that vanished or changed, over all tables.';
comment on column ops.publications.tables is 'Per table: rows inserted and deleted, and changes of its shape.';

create table if not exists ops.applied_sql (
    file_name text primary key,
    text_hash text not null,
    applied_at timestamptz not null,
    objects jsonb not null
);
comment on table ops.applied_sql is 'Files of warehouse/reports as they were applied. One row per file.';
comment on column ops.applied_sql.file_name is 'Name of the file.';
comment on column ops.applied_sql.text_hash is 'sha256 of its text: an unchanged file is not applied again.';
comment on column ops.applied_sql.applied_at is 'When it was applied last.';
comment on column ops.applied_sql.objects is 'Views and functions it made: kind, name and signature.';
