-- Which load brought a record: the landed row behind it says so itself (_run_id, _loaded_at). For the trace of a figure.

create table if not exists ops.landed_records (
    record_kind text not null,
    source text not null,
    stream text not null,
    prefix text not null,
    key_column text not null,
    window_column text,
    primary key (record_kind, source, stream)
);
comment on table ops.landed_records is
    'Where a record of the models lies as it came. One row per kind of record and landed table (staging.<source>__<stream>).';
comment on column ops.landed_records.record_kind is 'contact, session, appointment, payment, sale, deal, patient, treatment_stage or lead.';
comment on column ops.landed_records.source is 'Source, one word (CONTRACT.md section 2).';
comment on column ops.landed_records.stream is 'Stream of the source; for import files the kind.';
comment on column ops.landed_records.prefix is 'What the staging model writes before the vendor''s own number.';
comment on column ops.landed_records.key_column is 'Column of the landed table with that number, indexed.';
comment on column ops.landed_records.window_column is
    'Its column with the day by which windows are loaded; null where a load takes what changed.';

delete from ops.landed_records;
insert into ops.landed_records (record_kind, source, stream, prefix, key_column, window_column)
values
    ('appointment', 'fhir', 'appointments', 'fhir:', 'appointment_id', null),
    ('appointment', 'files', 'appointments', '', 'appointment_id', null),
    ('appointment', 'ident', 'appointments', 'ident:', 'visit_id', null),
    ('appointment', 'open_dental', 'appointments', 'open_dental:', 'appointment_num', null),
    ('contact', 'aggregators', 'requests', 'aggregators:', 'request_id', 'request_date'),
    ('contact', 'calltouch', 'calls', 'calltouch:call:', 'call_id', 'diary_date'),
    ('contact', 'calltouch', 'requests', 'calltouch:request:', 'request_id', 'diary_date'),
    ('contact', 'files', 'contacts', '', 'contact_id', null),
    ('contact', 'uis', 'calls', 'uis:call:', 'call_id', 'report_date'),
    ('contact', 'uis', 'chats', 'uis:chat:', 'chat_id', 'report_date'),
    ('contact', 'uis', 'offline_messages', 'uis:request:', 'message_id', 'report_date'),
    ('deal', 'amocrm', 'leads', 'amocrm:', 'lead_id', null),
    ('deal', 'bitrix24', 'deals', 'bitrix24:', 'deal_id', null),
    ('deal', 'files', 'deals', '', 'deal_id', null),
    ('lead', 'bitrix24', 'leads', 'bitrix24:lead:', 'lead_id', null),
    ('lead', 'files', 'deal_leads', '', 'lead_id', null),
    ('patient', 'fhir', 'patients', 'fhir:', 'patient_id', null),
    ('patient', 'files', 'patients', '', 'patient_id', null),
    ('patient', 'ident', 'patients', 'ident:', 'patient_id', null),
    ('patient', 'open_dental', 'patients', 'open_dental:', 'patient_num', null),
    ('payment', 'fhir', 'payments', 'fhir:', 'payment_id', null),
    ('payment', 'files', 'payments', '', 'payment_id', null),
    ('payment', 'ident', 'payments', 'ident:', 'payment_id', null),
    ('payment', 'open_dental', 'payments', 'open_dental:', 'payment_num', null),
    ('sale', 'fhir', 'charge_items', 'fhir:', 'charge_item_id', null),
    ('sale', 'files', 'sales', '', 'sale_id', null),
    ('sale', 'ident', 'sales', 'ident:', 'sale_id', null),
    ('sale', 'open_dental', 'procedures', 'open_dental:', 'procedure_num', null),
    ('session', 'calltouch', 'sessions', 'calltouch:session:', 'session_id', null),
    ('session', 'files', 'sessions', '', 'session_id', null),
    ('session', 'uis', 'sessions', 'uis:session:', 'session_id', 'report_date'),
    ('session', 'yandex_metrica', 'visits', 'yandex_metrica:', 'visit_id', 'visit_date'),
    ('treatment_stage', 'files', 'treatment_stages', '', 'stage_id', null),
    ('treatment_stage', 'ident', 'treatment_stages', 'ident:', 'line_id', null);

-- Costs have no number; a day's cost of a campaign is found by its day and campaign.
create table if not exists ops.landed_spend (
    source text not null,
    stream text not null,
    first_day_column text not null,
    last_day_column text not null,
    campaign_column text not null,
    spend_source text,
    primary key (source, stream)
);
comment on table ops.landed_spend is 'Where advertising costs lie as they came. One row per landed table.';
comment on column ops.landed_spend.source is 'Source, one word (CONTRACT.md section 2).';
comment on column ops.landed_spend.stream is 'Stream of the source; for import files the kind.';
comment on column ops.landed_spend.first_day_column is 'Column with the first day of a cost.';
comment on column ops.landed_spend.last_day_column is 'Column with its last day.';
comment on column ops.landed_spend.campaign_column is 'Column with the campaign, as the ads carry it.';
comment on column ops.landed_spend.spend_source is 'The advertising source of all its rows; null: the column source says it.';

delete from ops.landed_spend;
insert into ops.landed_spend (source, stream, first_day_column, last_day_column, campaign_column, spend_source)
values
    ('files', 'ad_spend', 'date_from', 'date_to', 'campaign', null),
    ('google_ads', 'ad_performance', 'report_date', 'report_date', 'utm_campaign', 'google'),
    ('meta_ads', 'ad_insights', 'report_date', 'report_date', 'utm_campaign', 'facebook'),
    ('vk_ads', 'campaign_days', 'report_date', 'report_date', 'utm_campaign', 'vk'),
    ('yandex_direct', 'ad_performance', 'report_date', 'report_date', 'utm_campaign', 'yandex');

-- The landed rows behind records, and the load that brought each: one row per record and landed row. Kinds are those of
-- ops.landed_records, and what stands for several records: `inquiry`, `event` (a row of reports.channels_and_sources_events), `step` (of
-- reports.client_path_steps), `spend` (of a report's spend). It runs as the owner, because nobody else reads staging, and so
-- asks first what the login may see: landed rows of the clinics of any right of his that shows rows of clinics; rights on own rows only
-- open nothing. Of a landed row it tells nothing but its load.
create or replace function ops.record_loads(kinds text [], ids text [])
returns table (
    record_kind text,
    record_id text,
    source text,
    stream text,
    run_id text,
    loaded_at timestamptz,
    window_day date
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    -- session_user is the login itself: nothing that a query can say changes it
    -- rights on what has no clinics (freshness of sources, deals by hand) cover none
    covering jsonb [] := array(
        select coalesce(to_jsonb(rights.clinics), 'null')
        from access.effective_rights as rights
        where rights.database_role = session_user and not rights.own_rows_only
            and exists (
                select from access.relations
                where relations.report = rights.report and relations.object_kind = 'table' and relations.clinic_column is not null
            )
    );
    sees_all boolean := pg_has_role(session_user, current_user, 'MEMBER') or 'null' = any (covering);
    seen_clinics text [] := array(
        select distinct jsonb_array_elements_text(one) from unnest(covering) as one where jsonb_typeof(one) = 'array'
    );
    -- before the first publication there is no row that stands for others
    is_published boolean := not exists (
        select
        from unnest(array[
            'marts.fct_contacts', 'marts.fct_appointments', 'marts.fct_payments', 'marts.fct_sales', 'marts.fct_deals',
            'marts.fct_touches', 'reports.channels_and_sources_events', 'reports.client_path_steps',
            'reports.channels_and_sources_spend', 'reports.attribution_spend'
        ]) as published (name)
        where to_regclass(published.name) is null
    );
    composed text := '';
    landed text;
begin
    if not sees_all and seen_clinics = '{}' then
        return;
    end if;
    if is_published and array['inquiry', 'event', 'step'] && kinds then
        -- Keys are compared as the models make them.
        composed := $composed$
            union select 'inquiry', contacts.inquiry_key, 'contact', contacts.contact_id
            from marts.fct_contacts as contacts
            where contacts.inquiry_key in (select asked.id from asked where asked.kind = 'inquiry')
            union select 'event', events.event_key, 'contact', contacts.contact_id
            from events inner join marts.fct_contacts as contacts on events.inquiry_key = contacts.inquiry_key
            union select 'event', events.event_key, 'appointment', visits.appointment_id
            from events inner join marts.fct_appointments as visits on events.person_key = visits.person_key
            where events.event_date = case events.event_kind
                when 'booked' then visits.created_date when 'arrived' then visits.start_date when 'client' then visits.start_date
            end
            union select 'event', events.event_key, 'payment', paid.payment_id
            from events inner join marts.fct_payments as paid on events.person_key = paid.person_key
            where events.event_kind = 'client'
                or events.event_key = md5(concat_ws('|', 'payment', events.audience, events.inquiry_key, paid.payment_id))
            union select 'event', events.event_key, 'sale', sold.sale_id
            from events inner join marts.fct_sales as sold on events.person_key = sold.person_key
            where events.event_kind = 'client'
            union select 'step', steps.step_key, 'contact', contacts.contact_id
            from steps
            inner join marts.fct_contacts as contacts on steps.person_key = contacts.person_key and steps.clinic_id = contacts.clinic_id
            where case steps.step
                when 'inquiry' then steps.local_date = contacts.local_date when 'contact' then steps.occurred_at = contacts.occurred_at
            end
            union select 'step', steps.step_key, 'session', touches.record_id
            from steps inner join marts.fct_touches as touches on steps.person_key = touches.person_key
            where steps.step = 'session' and touches.touch_kind = 'session' and steps.occurred_at = touches.touched_at
            union select 'step', steps.step_key, own.record_kind, own.record_id
            from steps
            inner join (
                select 'appointment' as record_kind, appointment_id as record_id, person_key from marts.fct_appointments
                union all select 'payment', payment_id, person_key from marts.fct_payments
                union all select 'sale', sale_id, person_key from marts.fct_sales
                union all select 'deal', deal_id, person_key from marts.fct_deals
            ) as own on steps.person_key = own.person_key
            where steps.step_key = md5(concat_ws('|', steps.step, own.record_id, steps.person_key, steps.clinic_id))
                -- a stage's own name is not told; the deal that it is of was landed with it
                or steps.step = 'deal_stage' and own.record_kind = 'deal'
        $composed$;
    end if;
    select string_agg(
        format(
            'select found.kind, found.id, %L, %L, landed._run_id, landed._loaded_at, %s
            from found inner join staging.%I as landed on landed.%I = %s
            where found.record_kind = %L and starts_with(found.record_id, %L) and (%s)',
            known.source, known.stream,
            coalesce('landed.' || quote_ident(known.window_column), 'null::date'),
            known.source || '__' || known.stream,
            known.key_column,
            case
                -- what comes twice has more behind its number
                when known.source = 'yandex_metrica' then format('split_part(found.record_id, '':'', 2)')
                when keys.atttypid = 'text'::regtype then format('substr(found.record_id, %s)', length(known.prefix) + 1)
                else format(
                    'case when substr(found.record_id, %1$s) ~ ''^[0-9]{1,18}$'' then substr(found.record_id, %1$s)::%2$s end',
                    length(known.prefix) + 1, format_type(keys.atttypid, keys.atttypmod)
                )
            end,
            known.record_kind, known.prefix,
            -- what is of no clinic is for who sees all, as in the reports
            case when clinics.attname is null then '$3' else '$3 or landed.clinic_id = any ($4)' end
        ),
        ' union all '
    ) into landed
    from ops.landed_records as known
    inner join pg_attribute as keys
        on keys.attrelid = to_regclass(format('staging.%I', known.source || '__' || known.stream)) and keys.attname = known.key_column
    left join pg_attribute as clinics on clinics.attrelid = keys.attrelid and clinics.attname = 'clinic_id';
    if is_published and 'spend' = any (kinds) then
        landed := concat_ws(' union all ', landed, (
            select string_agg(
                format(
                    'select ''spend'', spent.spend_key, %L, %L, landed._run_id, landed._loaded_at, %s
                    from spent inner join staging.%I as landed
                        on spent.spend_date between landed.%I and landed.%I and spent.source = %s
                        and spent.campaign is not distinct from landed.%I and spent.clinic_id is not distinct from landed.clinic_id
                    where $3 or landed.clinic_id = any ($4)',
                    known.source, known.stream,
                    case when known.spend_source is null then 'null::date' else 'spent.spend_date' end,
                    known.source || '__' || known.stream,
                    known.first_day_column, known.last_day_column,
                    coalesce(quote_literal(known.spend_source), 'landed.source'),
                    known.campaign_column
                ),
                ' union all '
            )
            from ops.landed_spend as known
            where to_regclass(format('staging.%I', known.source || '__' || known.stream)) is not null
        ));
    end if;
    return query execute format(
        $query$
        with asked as materialized (
            select distinct one.kind, one.id from unnest($1, $2) as one (kind, id)
        ),
        %s
        found as materialized (
            select asked.kind, asked.id, asked.kind as record_kind, asked.id as record_id
            from asked
            where asked.kind not in ('inquiry', 'event', 'step', 'spend')
            %s
        )
        %s
        $query$,
        case when is_published then $published$
            events as materialized (
                select events.* from reports.channels_and_sources_events as events
                where events.event_key in (select asked.id from asked where asked.kind = 'event')
            ),
            steps as materialized (
                select steps.* from reports.client_path_steps as steps
                where steps.step_key in (select asked.id from asked where asked.kind = 'step')
            ),
            spent as materialized (
                select spend_key, spend_date, clinic_id, source, campaign from reports.channels_and_sources_spend
                where spend_key in (select asked.id from asked where asked.kind = 'spend')
                union
                select spend_key, spend_date, clinic_id, source, campaign from reports.attribution_spend
                where spend_key in (select asked.id from asked where asked.kind = 'spend')
            ),
        $published$ else '' end,
        composed, landed
    ) using kinds, ids, sees_all, seen_clinics;
end
$$;
comment on function ops.record_loads(text [], text []) is
'Which loads brought these records: one row per record and landed row, of the clinics that the login may see.';
revoke all on function ops.record_loads(text [], text []) from public;
