-- One row per deal, from every source that has one.
{{ union_kind('deals', record_kind='deal', id='deal_id') }}
