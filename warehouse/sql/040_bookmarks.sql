-- How far each stream has been read. Written in the transaction that writes the rows.
create table if not exists ops.bookmarks (
    source text not null,
    stream text not null,
    read_to date not null,
    run_id text not null,
    written_at timestamptz not null,
    primary key (source, stream)
);
alter table ops.bookmarks add column if not exists read_from date;
comment on table ops.bookmarks is 'How far each stream of a source has been read; one row per stream.';
comment on column ops.bookmarks.source is 'Source, one word (CONTRACT.md section 2).';
comment on column ops.bookmarks.stream is 'Stream of the source.';
comment on column ops.bookmarks.read_to is 'Last local day up to which all days were loaded, none left out.';
comment on column ops.bookmarks.read_from is
    'Day from which on all days up to read_to were loaded: a first day by hand is no first load. Null: not noted.';
comment on column ops.bookmarks.run_id is 'The run that moved the bookmark.';
comment on column ops.bookmarks.written_at is 'When it was moved.';

create table if not exists ops.landing_turns (
    landed_table text primary key
);
comment on table ops.landing_turns is
    'Landed tables of vendors. One row per table that was ever written; a window locks it while it writes.';
comment on column ops.landing_turns.landed_table is 'Name of the table in schema staging.';
