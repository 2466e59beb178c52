-- One row per contact, from every source that has one.
{{ config(materialized='view') }}

{{ union_kind('contacts') }}
