{# Rows (report, source, stream, needed_for): what each report rests on, by the graph of this project. `figures`: there is a way
   from the stream to the report that leads through no model of people, so it brings rows or amounts; `people`: it only tells who
   is who. Reports without published tables of their own rest on those of their right. #}
{% macro report_lineage() -%}
    {%- set rows = [] -%}
    {#- While dbt only reads the files there is no graph; one row keeps the text an SQL statement. -#}
    {%- if not execute -%}
        {%- do rows.append({'report': '', 'source': '', 'stream': '', 'needed_for': 'figures'}) -%}
    {%- else -%}
        {%- set tops = {} -%}
        {%- for id, node in graph.nodes.items() if node.resource_type == 'model' and node.config.meta.get('publish') -%}
            {%- set report = node.config.meta.publish.report -%}
            {%- if report != 'freshness' -%}{%- do tops.setdefault(report, []).append(id) -%}{%- endif -%}
        {%- endfor -%}
        {%- for report in tops | sort -%}
            {%- set figures = streams_above(tops[report], false) -%}
            {%- for id in streams_above(tops[report], true) | sort -%}
                {%- set table = graph.sources[id] -%}
                {%- set parts = table.identifier.split('__') -%}
                {%- if table.schema == 'staging' and parts | length == 2 -%}
                    {%- do rows.append({
                        'report': report, 'source': parts[0], 'stream': parts[1],
                        'needed_for': 'figures' if id in figures else 'people',
                    }) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(rows) }}
{%- endmacro %}

{# Ids of the landed tables above some models; `through_people`: also by way of the models that resolve people. #}
{% macro streams_above(models, through_people) -%}
    {%- set found = [] -%}
    {%- set seen = {} -%}
    {%- set next = {'models': models} -%}
    {#- A way has fewer steps than the project has models. -#}
    {%- for step in range(graph.nodes | length) if next.models -%}
        {%- set parents = [] -%}
        {%- for id in next.models -%}
            {%- for parent in graph.nodes[id].depends_on.nodes if parent not in seen -%}
                {%- do seen.update({parent: true}) -%}
                {%- if parent in graph.sources -%}
                    {%- do found.append(parent) -%}
                {%- elif parent in graph.nodes and (through_people or '/people/' not in graph.nodes[parent].original_file_path) -%}
                    {%- do parents.append(parent) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- do next.update({'models': parents}) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
