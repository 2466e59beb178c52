-- report: client_path
-- Why are these one person? Each record of the person with the step of the rules that made it his, and the identifiers it
-- carries. Values of identifiers and names come from a table whose rows exist only for readers with a right to personal data.

create or replace function reports.why_one_person(person_key text)
returns table (
    record_kind text,
    record_id text,
    first_at timestamptz,
    records bigint,
    resolved_by text,
    reason text,
    identifier_kind text,
    identifier_key text,
    identifier_state text,
    patients bigint,
    identifier_value text,
    full_name text,
    clinic_id text
)
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $function$
    select
        links.record_kind,
        links.record_id,
        links.first_at,
        links.records,
        links.resolved_by,
        case links.resolved_by
            when 'card' then 'the card of the patient'
            when 'merged' then 'the clinic system merged this card'
            when 'named' then 'the administrator named the patient'
            when 'appointment' then 'an appointment of the patient was made out of it'
            when 'appointment_within_2_hours' then 'the only appointment of an owner made within 2 hours after it'
            when 'owner' then 'the only patient who owns its phone and e-mail'
            when 'list' then 'its phone or e-mail is on the list of employees or counterparties'
            when 'lead' then 'the deal tells nobody; a lead of it, by its contact or its own phone and e-mail, tells this person'
            when 'nobody' then 'no identifier that may join: a person of its own'
            else case
                when links.identifier_state like 'blocked%' then 'other identifiers of the record mean this person'
                when links.identifier_state = 'shared' and links.person_key like 'shared:%'
                    then 'a phone or e-mail of several patients is a person of its own'
                when links.identifier_state = 'shared' then 'other identifiers of the record mean this person'
                else 'its identifier is joined with the others of this person'
            end
        end,
        links.identifier_kind,
        links.identifier_key,
        links.identifier_state,
        links.patients,
        personal.identifier_value,
        personal.full_name,
        links.clinic_id
    from reports.why_one_person_links as links
    left join reports.why_one_person_personal as personal on links.link_key = personal.link_key
    where links.person_key = why_one_person.person_key
    order by links.record_kind, links.first_at, links.record_id, links.identifier_kind desc, links.identifier_key
$function$;
comment on function reports.why_one_person(text) is
    'Why are these one person / Почему это один человек: records, identifiers, and the rule that joined them.';
