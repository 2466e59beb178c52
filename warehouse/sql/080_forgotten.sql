-- People who asked to be forgotten: what keeps them away after a reload, and what proves that it was done. Nothing here can
-- be read back: an identifier is kept as a hash with this warehouse's own salt (ops.opaque_key). docs/how_to/forget_a_person.md.
create table if not exists ops.forgotten_people (
    person_number bigint generated always as identity primary key,
    forgotten_at timestamptz not null,
    forgotten_by text not null default session_user,
    reason text not null,
    categories text [] not null,
    phone text not null,
    email text not null
);
comment on table ops.forgotten_people is 'People who were forgotten. One row per person and request.';
comment on column ops.forgotten_people.person_number is 'Number of the act; says nothing of the person.';
comment on column ops.forgotten_people.forgotten_at is 'When.';
comment on column ops.forgotten_people.forgotten_by is 'Login that asked.';
comment on column ops.forgotten_people.reason is 'Why, in the words of the act.';
comment on column ops.forgotten_people.categories is 'Categories of personal data that were there.';
comment on column ops.forgotten_people.phone is
    'Random text in the shape of a phone (+999, no country) that stands where a phone of the person comes that was not known.';
comment on column ops.forgotten_people.email is 'The same for e-mails.';

create table if not exists ops.forgotten_identifiers (
    identifier_hash text primary key,
    role text not null check (role in ('phone', 'email', 'patient', 'client', 'crm', 'name', 'deal')),
    person_number bigint not null references ops.forgotten_people,
    replacement text not null
);
do $$
begin
    -- Earlier versions knew no deals. Asked first: every load holds this table while it writes.
    if not exists (
        select from pg_constraint
        where conrelid = 'ops.forgotten_identifiers'::regclass and contype = 'c'
            and pg_get_constraintdef(oid) like '%deal%'
    ) then
        alter table ops.forgotten_identifiers
            drop constraint if exists forgotten_identifiers_role_check,
            add constraint forgotten_identifiers_role_check
            check (role in ('phone', 'email', 'patient', 'client', 'crm', 'name', 'deal'));
    end if;
end
$$;
comment on table ops.forgotten_identifiers is
    'What must not come back. One row per identifier of a forgotten person. Asked by every load before a row is written.';
comment on column ops.forgotten_identifiers.identifier_hash is 'ops.opaque_key(''forgotten'', role || '':'' || identifier).';
comment on column ops.forgotten_identifiers.role is
    'phone, email, patient, client (site visitor), crm (a CRM''s contact), name or deal (which keeps its number and loses its words).';
comment on column ops.forgotten_identifiers.person_number is 'Whose it was.';
comment on column ops.forgotten_identifiers.replacement is
    'Random text that stands for it everywhere, so that what belongs together still does and sums stay.';

create table if not exists ops.forget_log (
    event_id bigint generated always as identity primary key,
    person_number bigint not null references ops.forgotten_people,
    happened_at timestamptz not null,
    place text not null,
    method text not null,
    items bigint not null
);
comment on table ops.forget_log is
    'Log of forgetting, of which the act''s extract is printed. One row per person and table or file that was changed.';
comment on column ops.forget_log.event_id is 'Order of the events.';
comment on column ops.forget_log.person_number is 'Number of the act.';
comment on column ops.forget_log.happened_at is 'When.';
comment on column ops.forget_log.place is 'Table, or file inside the instance''s home.';
comment on column ops.forget_log.method is 'How.';
comment on column ops.forget_log.items is 'Rows, or places in the file.';

create or replace function ops.not_forgotten(role text, identifier text) returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(
        (
            select forgotten_identifiers.replacement
            from ops.forgotten_identifiers
            where forgotten_identifiers.identifier_hash
                = ops.opaque_key('forgotten', not_forgotten.role || ':' || not_forgotten.identifier)
        ),
        not_forgotten.identifier
    )
$$;
comment on function ops.not_forgotten(text, text) is
    'The identifier, or what stands for it if its owner was forgotten. For rows that are entered by SQL.';
