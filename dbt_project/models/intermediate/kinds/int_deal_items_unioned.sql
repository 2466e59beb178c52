-- One row per line of a deal, from every source that has one.
{{ union_kind('deal_items', record_kind='deal_items', id='deal_id') }}
