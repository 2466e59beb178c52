-- One row per stage that a deal entered, from every source that has one.
{{ union_kind('deal_stages', record_kind='deal_stages', id='deal_id') }}
