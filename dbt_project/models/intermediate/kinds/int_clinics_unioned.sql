-- One row per clinic, from every source that has one.
{{ config(materialized='view') }}

{{ union_kind('clinics') }}
