-- One row per counterparty, from every source that has one.
{{ config(materialized='view') }}

{{ union_kind('counterparties') }}
