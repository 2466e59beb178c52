-- Deals entered by hand, for a clinic without a CRM (docs/reports/deal_journal.md). The only functions that write for an employee:
-- they run as the owner, so each asks first whether the login may, by the right `deal_entry`. They show nothing of the
-- warehouse: deals.add answers with the new deal's id, deals.move with nothing, and refuses a deal that is not the caller's in the
-- same words as one that does not exist. The deal is landed like a row of deals.csv and is in the journal after the next load.
create schema if not exists deals;
comment on schema deals is 'Deals entered by hand. Two functions, open by the right deal_entry.';
revoke all on schema deals from public;

create or replace function deals.require_right(clinic_id text, manager_id text, refusal text) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
declare
    held record;
begin
    -- session_user is the login itself: nothing that a query can say changes it. The owner may always.
    if pg_has_role(session_user, current_user, 'MEMBER') then
        return;
    end if;
    select effective_rights.clinics, effective_rights.own_rows_only, employees.employee_id
    into held
    from access.effective_rights
    inner join access.employees on employees.database_role = effective_rights.database_role
    where effective_rights.database_role = session_user and effective_rights.report = 'deal_entry';
    if not found
        or (held.clinics is not null and (require_right.clinic_id = any (held.clinics)) is not true)
        or (held.own_rows_only and (require_right.manager_id = held.employee_id) is not true)
    then
        raise exception '%', refusal using errcode = 'insufficient_privilege';
    end if;
end
$$;
comment on function deals.require_right(text, text, text) is
'Error with these words unless the login may enter deals of this clinic and manager. For the functions of this schema.';

create or replace function deals.require_loadable(
    clinic_id text, amount numeric, currency text, created_at timestamptz, closed_at timestamptz
) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    -- the day in the clinic's own zone, else in the first clinic's, as the gate asks
    day date := (
        coalesce(closed_at, created_at) at time zone coalesce(
            (select c.time_zone from staging.files__clinics as c where c.clinic_id = require_loadable.clinic_id),
            (select c.time_zone from staging.files__clinics as c order by c.clinic_id limit 1),
            'UTC'
        )
    )::date;
    reporting text := coalesce((select s.value from staging.settings as s where s.name = 'reporting_currency'), 'RUB');
    refusal text := case
        -- not a number is greater than every number
        when amount > 100000000000 or amount < -100000000000 then 'an amount is a number of at most 100 000 000 000'
        when currency !~ '^[A-Z]{3}$' then 'a currency is three letters, for example ' || reporting
        when least(created_at, closed_at) < '2000-01-01' or greatest(created_at, closed_at) > now() + interval '1 day'
            then 'this is no plausible time'
        when closed_at < created_at then 'a deal is closed after it was created'
        when currency <> reporting and not exists (
            select from (
                select r.currency, r.date from staging.files__currency_rates as r
                union all select r.currency, r.date from staging.currency_rates__rates as r
            ) as rates
            where rates.currency = require_loadable.currency and rates.date <= day
        ) then 'no rate of this currency is known for that day'
        when clinic_id is not null and exists (
            select from staging.files__clinics union all select from staging.open_dental__clinics
        ) and not exists (
            select from staging.files__clinics as c where c.clinic_id = require_loadable.clinic_id
            union all select from staging.open_dental__clinics as c where c.clinic_id = require_loadable.clinic_id
        ) then 'no clinic is called that'
    end;
begin
    if refusal is not null then
        raise exception '%', refusal using errcode = 'invalid_parameter_value';
    end if;
end
$$;
comment on function deals.require_loadable(text, numeric, text, timestamptz, timestamptz) is
'Error in words for a deal at which the gate would stop every load until the owner corrects it. For the functions of this schema.';

create or replace function deals.add(
    name text,
    amount numeric default null,
    stage text default 'new',
    stage_kind text default 'open',
    clinic_id text default null,
    manager_id text default null,
    client_name text default null,
    phone text default null,
    email text default null,
    contact_kind text default null,
    utm_source text default null,
    utm_medium text default null,
    utm_campaign text default null,
    first_request text default null,
    tags text [] default null,
    pipeline text default null,
    currency text default null,
    created_at timestamptz default null,
    closed_at timestamptz default null,
    lost_reason text default null
) returns text
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    new_id text := 'manual:' || gen_random_uuid();
    entered timestamptz := clock_timestamp();
    whole_phone text := nullif(regexp_replace(phone, '[^0-9+]', '', 'g'), '');
begin
    -- who enters a deal sells it, unless somebody else is named
    manager_id := coalesce(
        manager_id, (select e.employee_id from access.employees as e where e.database_role = session_user)
    );
    perform deals.require_right(
        clinic_id, manager_id,
        'you may not enter this deal: ask for the right deal_entry, and name a clinic and a manager that it covers'
    );
    if nullif(btrim(name), '') is null then
        raise exception 'a deal needs a name' using errcode = 'invalid_parameter_value';
    end if;
    if stage_kind is null or stage_kind not in ('open', 'won', 'lost') then
        raise exception 'stage_kind is one of open, won, lost' using errcode = 'invalid_parameter_value';
    end if;
    if whole_phone is not null and whole_phone !~ '^\+[1-9][0-9]{7,14}$' then
        raise exception 'write the phone with + and the code of its country' using errcode = 'invalid_parameter_value';
    end if;
    perform deals.require_loadable(
        clinic_id, amount, currency, coalesce(created_at, entered),
        case when stage_kind <> 'open' then coalesce(closed_at, entered) end
    );
    -- Who was forgotten stays so, by this way in too (080_forgotten.sql).
    if ops.not_forgotten('phone', whole_phone) <> whole_phone
        or ops.not_forgotten('email', lower(btrim(email))) <> lower(btrim(email))
    then
        whole_phone := ops.not_forgotten('phone', whole_phone);
        phone := whole_phone;
        email := ops.not_forgotten('email', lower(btrim(email)));
        name := 'forgotten';
        client_name := null;
        first_request := null;
    end if;
    insert into staging.files__deals (
        deal_id, name, created_at, closed_at, created_via, pipeline, stage, stage_kind, amount, currency, manager_id,
        clinic_id, client_name, phone, email, contact_kind, utm_source, utm_medium, utm_campaign, first_request, tags,
        lost_reason, phone_e164, _run_id, _loaded_at, _extra
    )
    values (
        new_id, name, coalesce(created_at, entered),
        case when stage_kind <> 'open' then coalesce(closed_at, entered) end,
        'manual', pipeline, stage, stage_kind, amount, currency, manager_id,
        clinic_id, client_name, phone, lower(btrim(email)), contact_kind, utm_source, utm_medium, utm_campaign,
        first_request, tags, lost_reason, whole_phone, 'deals.add', entered,
        jsonb_build_object('entered_by', session_user)
    );
    insert into staging.files__deal_stages (deal_id, stage, entered_at, _run_id, _loaded_at)
    values (new_id, stage, coalesce(created_at, entered), 'deals.add', entered);
    return new_id;
end
$$;
comment on function deals.add(
    text, numeric, text, text, text, text, text, text, text, text, text, text, text, text, text [], text, text, timestamptz,
    timestamptz, text
) is
'Enters a deal by hand and returns its id. For logins with the right deal_entry; in the journal after the next load.';

create or replace function deals.move(
    deal_id text,
    stage text,
    stage_kind text default 'open',
    amount numeric default null,
    lost_reason text default null,
    moved_at timestamptz default null
) returns void
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
    refusal text := 'no deal of yours that was entered by hand has this id';
    entered timestamptz := clock_timestamp();
    held record;
begin
    if nullif(btrim(stage), '') is null or stage_kind is null or stage_kind not in ('open', 'won', 'lost') then
        raise exception 'a stage has a name, and stage_kind is one of open, won, lost'
            using errcode = 'invalid_parameter_value';
    end if;
    select d.clinic_id, d.manager_id, d.currency, d.created_at into held
    from staging.files__deals as d
    where d.deal_id = move.deal_id and d._run_id = 'deals.add'
    for update;
    -- without a row both are null, which only a right without limits covers; then found decides
    perform deals.require_right(held.clinic_id, held.manager_id, refusal);
    if held is null and not exists (
        select from staging.files__deals as d where d.deal_id = move.deal_id and d._run_id = 'deals.add'
    ) then
        raise exception '%', refusal using errcode = 'insufficient_privilege';
    end if;
    perform deals.require_loadable(
        held.clinic_id, amount, held.currency, held.created_at,
        case when stage_kind <> 'open' then coalesce(moved_at, entered) end
    );
    update staging.files__deals as d
    set
        stage = move.stage,
        stage_kind = move.stage_kind,
        amount = coalesce(move.amount, d.amount),
        lost_reason = coalesce(move.lost_reason, d.lost_reason),
        closed_at = case when move.stage_kind <> 'open' then coalesce(moved_at, entered) end,
        _loaded_at = entered
    where d.deal_id = move.deal_id;
    insert into staging.files__deal_stages (deal_id, stage, entered_at, _run_id, _loaded_at)
    values (move.deal_id, move.stage, coalesce(moved_at, entered), 'deals.add', entered)
    on conflict do nothing;
end
$$;
comment on function deals.move(text, text, text, numeric, text, timestamptz) is
'Moves a deal that was entered by hand to another stage, or closes it as won or lost.';

revoke all on all routines in schema deals from public;
