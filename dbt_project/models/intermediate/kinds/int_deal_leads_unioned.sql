-- One row per lead of a deal, from every source that has one.
{{ union_kind('deal_leads', record_kind='lead', id='lead_id') }}
