-- One row per sold line, from every source that has one.
{{ config(materialized='view') }}

{{ union_kind('sales') }}
