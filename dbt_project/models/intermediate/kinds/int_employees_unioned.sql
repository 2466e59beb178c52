-- One row per employee, from every source that has one.
{{ config(materialized='view') }}

{{ union_kind('employees') }}
