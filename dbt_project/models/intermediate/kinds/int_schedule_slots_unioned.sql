-- One row per slot of the schedule, from every source that has one.
{{ config(materialized='view') }}

{{ union_kind('schedule_slots') }}
