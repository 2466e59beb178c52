-- report: deal_journal
-- Deal journal (Журнал сделок), RULES section 8 and 12.16, 12.25.

create or replace view reports.deal_journal
with (security_invoker = true) as
select
    deals.deal_id,
    deals.clinic_id,
    personal.name,
    deals.created_at,
    deals.created_date,
    deals.closed_at,
    deals.closed_date,
    deals.created_via,
    deals.pipeline,
    deals.stage,
    deals.stage_kind,
    deals.amount,
    deals.currency,
    deals.manager_id,
    deals.person_key,
    personal.client_name,
    personal.phone,
    personal.email,
    deals.contact_kind,
    deals.channel,
    deals.source,
    deals.medium,
    deals.campaign,
    personal.first_request,
    deals.sessions_before_contact,
    deals.leads,
    deals.lead_ids,
    deals.origins,
    deals.tags,
    deals.is_hot,
    deals.lost_reason,
    deals.days_to_close,
    deals.first_touch_at,
    deals.first_contact_at,
    deals.days_to_contact,
    deals.days_to_deal,
    deals.days_touch_to_close,
    deals.stage_entered_at,
    deals.days_in_stage,
    personal.recordings
from reports.deal_journal_deals as deals
left join reports.deal_journal_personal as personal on deals.deal_id = personal.deal_id;
comment on view reports.deal_journal is
    'Deal journal / Журнал сделок: every deal whatever its status, with client, source and path.';

create or replace view reports.deal_journal_daily
with (security_invoker = true) as
select
    deals.created_date as day,
    deals.clinic_id,
    deals.stage,
    deals.stage_kind,
    deals.contact_kind,
    deals.channel,
    deals.source,
    deals.campaign,
    deals.created_via,
    deals.manager_id,
    count(*) as deals
from reports.deal_journal_deals as deals
group by
    deals.created_date, deals.clinic_id, deals.stage, deals.stage_kind, deals.contact_kind, deals.channel,
    deals.source, deals.campaign, deals.created_via, deals.manager_id;
comment on view reports.deal_journal_daily is 'Deals by the day they were created and finest grain: number of deals.';

select ops.inherit_comments('reports.deal_journal', 'reports.deal_journal_deals', 'reports.deal_journal_personal');
select ops.inherit_comments('reports.deal_journal_daily', 'reports.deal_journal_deals');
comment on column reports.deal_journal_daily.day is 'Local day on which the deals were created.';
comment on column reports.deal_journal_daily.deals is 'Number of deals.';
