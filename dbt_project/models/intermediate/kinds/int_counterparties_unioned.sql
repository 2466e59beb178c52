-- One row per counterparty, from every source that has one.
{{ union_kind('counterparties') }}
