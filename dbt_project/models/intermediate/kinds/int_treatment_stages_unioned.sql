-- One row per stage of a treatment plan, from every source that has one.
{{ union_kind('treatment_stages', record_kind='treatment_stage', id='stage_id') }}
