-- One row per payment or refund, from every source that has one.
{{ config(materialized='view') }}

{{ union_kind('payments') }}
