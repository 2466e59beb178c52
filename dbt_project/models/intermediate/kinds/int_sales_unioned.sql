-- One row per sold line, from every source that has one.
{{ union_kind('sales', record_kind='sale', id='sale_id') }}
