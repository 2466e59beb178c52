-- One row per appointment, from every source that has one.
{{ union_kind('appointments', record_kind='appointment', id='appointment_id') }}
