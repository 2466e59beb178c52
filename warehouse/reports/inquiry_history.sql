-- report: inquiry_history
-- History of inquiries (История обращений), RULES section 6. Personal columns come from a table whose rows exist only for
-- readers with a right to personal data; for others they are null.

create or replace view reports.inquiry_history
with (security_invoker = true) as
select
    contacts.contact_id,
    contacts.inquiry_key,
    contacts.person_key,
    contacts.occurred_at,
    contacts.local_date,
    contacts.inquiry_date,
    contacts.clinic_id,
    contacts.kind,
    contacts.direction,
    contacts.is_unanswered,
    contacts.people_group,
    contacts.inquiry_people_group,
    contacts.is_primary,
    contacts.topic,
    contacts.inquiry_topic,
    contacts.channel,
    contacts.source,
    contacts.medium,
    contacts.campaign,
    contacts.inquiry_channel,
    contacts.inquiry_source,
    contacts.inquiry_campaign,
    contacts.administrator_id,
    contacts.inquiry_administrator_id,
    contacts.outcome,
    contacts.stated_outcome,
    contacts.is_booked_without_appointment,
    contacts.refusal_reason,
    contacts.not_arrived_reason,
    contacts.is_arrived,
    contacts.why_excluded,
    contacts.resolved_by,
    personal.phone,
    personal.email,
    personal.full_name,
    personal.recording_url,
    personal.note
from reports.inquiry_history_contacts as contacts
left join reports.inquiry_history_personal as personal
    on contacts.contact_person_key = personal.contact_person_key and contacts.clinic_id = personal.clinic_id;
comment on view reports.inquiry_history is
    'History of inquiries / История обращений: every contact with its person, inquiry, source, outcome and reasons.';

create or replace view reports.inquiry_history_daily
with (security_invoker = true) as
select
    contacts.local_date as day,
    contacts.clinic_id,
    contacts.kind,
    contacts.direction,
    contacts.people_group,
    contacts.is_primary,
    contacts.topic,
    contacts.channel,
    contacts.source,
    contacts.campaign,
    contacts.administrator_id,
    contacts.outcome,
    count(*) as contacts
from reports.inquiry_history_contacts as contacts
group by
    contacts.local_date, contacts.clinic_id, contacts.kind, contacts.direction, contacts.people_group,
    contacts.is_primary, contacts.topic, contacts.channel, contacts.source, contacts.campaign,
    contacts.administrator_id, contacts.outcome;
comment on view reports.inquiry_history_daily is
    'History of inquiries, one row per day and finest grain: number of contacts.';

select ops.inherit_comments(
    'reports.inquiry_history', 'reports.inquiry_history_contacts', 'reports.inquiry_history_personal'
);
select ops.inherit_comments('reports.inquiry_history_daily', 'reports.inquiry_history_contacts');
comment on column reports.inquiry_history_daily.day is 'Local day of the contacts.';
comment on column reports.inquiry_history_daily.contacts is 'Number of contacts, one per person a contact is about.';
