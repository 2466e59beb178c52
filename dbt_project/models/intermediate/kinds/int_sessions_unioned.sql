-- One row per site session, from every source that has one.
{{ union_kind('sessions', record_kind='session', id='session_id') }}
