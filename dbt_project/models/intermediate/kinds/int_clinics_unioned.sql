-- One row per clinic, from every source that has one.
{{ union_kind('clinics') }}
