{# The rows of a stream of FHIR whose resource the server still has. Gone is what the history says was deleted and was not updated
   since, and what is missing from the list of all ids though it is older than the list. #}
{% macro fhir_still_there(stream, resource, id) -%}
    select rows_as_sent.* from {{ source('fhir', stream) }} as rows_as_sent
    where
        not exists (
            select from {{ source('fhir', 'deletions') }} as deletions
            where
                deletions.resource = '{{ resource }}'
                and deletions.resource_id = rows_as_sent.{{ id }}
                and deletions.deleted_at >= rows_as_sent.updated_at
        )
        and (
            exists (
                select from {{ source('fhir', 'resource_ids') }} as listed
                where listed.resource = '{{ resource }}' and listed.resource_id = rows_as_sent.{{ id }}
            )
            or rows_as_sent.updated_at > coalesce(
                (
                    select max(listed.updated_at) from {{ source('fhir', 'resource_ids') }} as listed
                    where listed.resource = '{{ resource }}'
                ),
                '-infinity'
            )
        )
{%- endmacro %}
