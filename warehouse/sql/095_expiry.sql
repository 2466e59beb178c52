create or replace function ops.days_kept(setting text) returns integer
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    days integer := (
        select nullif(settings.value, '')::integer from staging.settings where settings.name = days_kept.setting
    );
begin
    -- the horizon would lie in the days to come, and all that there is would go
    if days < 0 then
        raise exception 'the setting % is % but counts days', days_kept.setting, days
            using errcode = 'invalid_parameter_value';
    end if;
    return days;
end
$$;
comment on function ops.days_kept(text) is
'For how many days something is kept, by its setting; null: for ever. Error where that is less than 0.';

-- What came with a row and is used by nothing goes after the days of the setting raw_days: fields that nobody declared, phones as
-- they were written (their normal form stays), rows that were set aside. No model reads any of it, so no figure moves.
insert into staging.settings (name, value) values ('raw_days', '180') on conflict (name) do nothing;

create or replace function ops.expire_raw(now timestamptz)
returns table (rows_emptied bigint, rows_deleted bigint)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    days integer := ops.days_kept('raw_days');
    landed record;
    emptied bigint;
begin
    rows_emptied := 0;
    rows_deleted := 0;
    if days is null then
        return next;
        return;
    end if;
    for landed in
        select
            pg_class.oid::regclass as name,
            bool_or(attname = '_extra') as has_extra,
            bool_or(attname = 'phone_e164') and bool_or(attname = 'phone') as has_phone,
            bool_or(attname = 'phones_e164') and bool_or(attname = 'phones') as has_phones
        from pg_class
        inner join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
        where relnamespace = 'staging'::regnamespace and relkind = 'r'
        group by pg_class.oid
        having bool_or(attname = '_loaded_at')
    loop
        execute format(
            'update %s set %s where _loaded_at < $1 and (%s)',
            landed.name,
            concat_ws(
                ', ',
                case when landed.has_extra then '_extra = null' end,
                case when landed.has_phone then 'phone = coalesce(phone_e164, phone)' end,
                case when landed.has_phones then 'phones = coalesce(nullif(phones_e164, ''{}''), phones)' end
            ),
            concat_ws(
                ' or ',
                case when landed.has_extra then '_extra is not null' end,
                case when landed.has_phone then 'phone <> phone_e164' end,
                case when landed.has_phones then 'phones <> phones_e164 and phones_e164 <> ''{}''' end
            )
        ) using now - make_interval(days => days);
        get diagnostics emptied = row_count;
        rows_emptied := rows_emptied + emptied;
    end loop;
    delete from staging.rejected_rows where rejected_at < now - make_interval(days => days);
    get diagnostics rows_deleted = row_count;
    return next;
end
$$;
comment on function ops.expire_raw(timestamptz) is
'Empties what is older than the setting raw_days and that no model reads, and deletes rows set aside before; how many rows.';
revoke all on function ops.expire_raw(timestamptz) from public;

-- What loads noted about themselves goes after the days of the setting journal_days: each load adds hundreds of rows, and nobody
-- compares with a build of more than a year ago. Loads themselves (ops.loads) stay: they say where rows came from.
insert into staging.settings (name, value) values ('journal_days', '400') on conflict (name) do nothing;

create or replace function ops.expire_journals(now timestamptz) returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    horizon timestamptz := now - make_interval(days => ops.days_kept('journal_days'));
    deleted bigint;
    total bigint := 0;
begin
    delete from ops.checks where checked_at < horizon;
    get diagnostics deleted = row_count;
    total := total + deleted;
    delete from ops.model_runs where finished_at < horizon;
    get diagnostics deleted = row_count;
    total := total + deleted;
    delete from ops.steps where started_at < horizon;
    get diagnostics deleted = row_count;
    return total + deleted;
end
$$;
comment on function ops.expire_journals(timestamptz) is
'Deletes what checks, models and steps noted before the days of the setting journal_days; how many rows. Null: nothing.';
revoke all on function ops.expire_journals(timestamptz) from public;
