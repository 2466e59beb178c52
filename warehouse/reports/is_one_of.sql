-- report: *
-- A parameter with a fixed list of words: another word is refused with the list, because it would answer with nothing. Null asks for
-- all. True otherwise, so that a report can ask it beside its other conditions. No data.

create or replace function reports.is_one_of(parameter text, given text, variadic words text [])
returns boolean
language plpgsql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $function$
begin
    if given <> all (words) then
        raise exception '% is one of %', parameter, array_to_string(words, ', ')
            using errcode = 'invalid_parameter_value';
    end if;
    return true;
end
$function$;
comment on function reports.is_one_of(text, text, text []) is
    'True; a word that is not on the list of a parameter is refused.';
