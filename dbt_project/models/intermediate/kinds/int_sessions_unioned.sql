-- One row per site session, from every source that has one.
{{ config(materialized='view') }}

{{ union_kind('sessions') }}
