-- One row per patient card, from every source that has one.
{{ config(materialized='view') }}

{{ union_kind('patients') }}
