-- Rows that were set aside can be corrected, replayed and dismissed. A correction stays: where a load meets the same raw row again,
-- the corrected one is read in its place (extractors/quarantine.py).
alter table staging.rejected_rows add column if not exists fixed jsonb;
alter table staging.rejected_rows add column if not exists fixed_by text;
alter table staging.rejected_rows add column if not exists resolved_at timestamptz;
alter table staging.rejected_rows add column if not exists resolution text;

comment on column staging.rejected_rows.fixed is 'The whole row as a person corrected it; null: not corrected.';
comment on column staging.rejected_rows.fixed_by is 'Login that corrected or dismissed the row.';
comment on column staging.rejected_rows.resolved_at is 'When the row was landed or dismissed; null: it waits.';
comment on column staging.rejected_rows.resolution is
    'replayed: landed by `make replay`; loaded: landed by a load, with its correction; else why it was dismissed. Null: it waits.';
