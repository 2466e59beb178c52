-- One row per appointment, from every source that has one.
{{ config(materialized='view') }}

{{ union_kind('appointments') }}
