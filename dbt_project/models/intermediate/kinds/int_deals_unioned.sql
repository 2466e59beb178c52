-- One row per deal, from every source that has one.
{{ config(materialized='view') }}

{{ union_kind('deals') }}
