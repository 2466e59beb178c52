-- One row per patient card, from every source that has one.
{{ union_kind('patients', record_kind='patient', id='patient_id') }}
