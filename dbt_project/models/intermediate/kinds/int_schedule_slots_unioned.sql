-- One row per slot of the schedule, from every source that has one.
{{ union_kind('schedule_slots') }}
