-- One row per employee, from every source that has one.
{{ union_kind('employees') }}
