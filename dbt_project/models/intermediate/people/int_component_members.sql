-- One row per identifier that may join people, with its connected component and the person whom the component is
-- (RULES 12.2: the one patient to whom its identifiers belong, else a person of its own).
{% set edges %}
    with usable as not materialized (
        select record_kind, record_id, identifier, identifiers_in_record
        from {{ ref('int_identifier_uses') }}
        where not is_blocked and not is_shared
    ),
    -- most records carry one identifier, which joins nothing
    firsts as (
        select record_kind, record_id, min(identifier) as identifier
        from usable
        where identifiers_in_record > 1
        group by record_kind, record_id
    )
    select identifier as left_node, identifier as right_node from usable where identifiers_in_record = 1
    union all
    select firsts.identifier as left_node, usable.identifier as right_node
    from usable
    inner join firsts on usable.record_kind = firsts.record_kind and usable.record_id = firsts.record_id
    where usable.identifiers_in_record > 1
{% endset %}
with

members as (
    select
        found.node as identifier,
        found.component
    from ops.connected_components($edges${{ edges }}$edges$) as found
),

identifiers as (
    select * from {{ ref('int_identifiers') }}
),

component_patients as (
    select
        members.component,
        min(identifiers.only_patient_id) as patient_id
    from members
    inner join identifiers on members.identifier = identifiers.identifier
    where identifiers.only_patient_id is not null
    group by members.component
    having count(distinct identifiers.only_patient_id) = 1
),

final as (
    select
        members.identifier,
        members.component,
        component_patients.patient_id as person_patient_id,
        coalesce(
            'patient:' || component_patients.patient_id, {{ opaque_key('anonymous', 'members.component') }}
        ) as person_key
    from members
    left join component_patients on members.component = component_patients.component
)

select * from final
