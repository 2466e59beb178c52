-- Which keys of a landed table a load changed. Written in the load's own transaction, kept for 35 days.
create table if not exists ops.window_changes (
    source text not null,
    stream text not null,
    run_id text not null,
    window_from date not null,
    window_to date not null,
    changed_at timestamptz not null,
    change text not null check (change in ('written', 'deleted', 'whole window')),
    keys jsonb check ((keys is null) = (change = 'whole window'))
);
create index if not exists window_changes_stream on ops.window_changes (source, stream, changed_at);

comment on table ops.window_changes is
    'What a load changed in a landed table. One row per window and kind of change, none where nothing changed.';
comment on column ops.window_changes.source is 'Source, one word (CONTRACT.md section 2).';
comment on column ops.window_changes.stream is 'Stream of the source; staging.<source>__<stream> is its table.';
comment on column ops.window_changes.run_id is 'The run that changed them.';
comment on column ops.window_changes.window_from is 'First local day of the window, included.';
comment on column ops.window_changes.window_to is 'Last local day of the window, included.';
comment on column ops.window_changes.changed_at is 'The moment of the load, as in _loaded_at of the rows.';
comment on column ops.window_changes.change is
    'written: inserted or updated. deleted: the vendor has them no more. whole window: too many to list, '
    'or the first rows of the window; then every row of the window (of the table where it has no window column) '
    'may have changed.';
comment on column ops.window_changes.keys is 'Array of keys, each an array of the key columns; null: whole window.';

create or replace view ops.changed_keys as
select
    changes.source,
    changes.stream,
    changes.run_id,
    changes.window_from,
    changes.window_to,
    changes.changed_at,
    changes.change,
    listed.key
from ops.window_changes as changes
left join lateral jsonb_array_elements(changes.keys) as listed (key) on true;

comment on view ops.changed_keys is
    'What loads changed, key by key; one row with a null key where a window changed as a whole.';
select ops.inherit_comments('ops.changed_keys', 'ops.window_changes');
comment on column ops.changed_keys.key is 'Values of the key columns as a JSON array; null: whole window.';
