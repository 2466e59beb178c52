-- One row per contact, from every source that has one.
{{ union_kind('contacts', record_kind='contact', id='contact_id') }}
