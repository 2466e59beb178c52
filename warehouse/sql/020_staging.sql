-- Rows that could not be understood, of every source. Nothing is dropped silently.
create table if not exists staging.rejected_rows (
    rejected_row_id bigint generated always as identity primary key,
    source text not null,
    stream text,
    file text,
    row_number bigint,
    column_name text,
    reason text not null,
    row jsonb,
    run_id text,
    rejected_at timestamptz not null default now()
);
create index if not exists rejected_rows_source on staging.rejected_rows (source, file, stream);

comment on table staging.rejected_rows is
    'Rows that were not loaded, with the reason. One row per refused row of a file or of a vendor''s answer. '
    'Loading the same file again replaces its rows here.';
comment on column staging.rejected_rows.rejected_row_id is 'Number of the refusal; has no meaning of its own.';
comment on column staging.rejected_rows.source is 'Source, one word (CONTRACT.md section 2); `files` for import files.';
comment on column staging.rejected_rows.stream is 'Stream of the source; for import files the kind.';
comment on column staging.rejected_rows.file is 'Name of the import file, without its folder; null for vendors.';
comment on column staging.rejected_rows.row_number is
    'Row as a spreadsheet counts it: the header is 1, empty rows count. For vendors the place in the answer.';
comment on column staging.rejected_rows.column_name is
    'Column that was to blame, by its contract name; null if the row as a whole.';
comment on column staging.rejected_rows.reason is 'Why, and what to do about it.';
comment on column staging.rejected_rows.row is 'The whole row as it came, header to cell.';
comment on column staging.rejected_rows.run_id is 'The run that refused it last.';
comment on column staging.rejected_rows.rejected_at is 'When it was refused last.';

-- Settings of this warehouse. An import folder may change them (`settings` in mapping.yml).
create table if not exists staging.settings (
    name text primary key,
    value text
);
insert into staging.settings (name, value)
values ('reporting_currency', 'RUB'), ('country', 'RU'), ('phone_region', 'RU'), ('default_time_zone', null)
on conflict (name) do nothing;

comment on table staging.settings is 'Settings of this warehouse. One row per setting.';
comment on column staging.settings.name is
    'reporting_currency: ISO 4217 code that money is reported in. country: ISO 3166 code, decides VAT. '
    'phone_region: ISO 3166 code of phones written without a country code. '
    'default_time_zone: zone of local times where no clinic is known. '
    'history_days: how long what publications replaced is kept; null for ever.';
comment on column staging.settings.value is 'Value of the setting; null: not set.';
