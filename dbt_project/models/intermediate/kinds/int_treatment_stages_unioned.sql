-- One row per stage of a treatment plan, from every source that has one.
{{ config(materialized='view') }}

{{ union_kind('treatment_stages') }}
