-- report: *
-- How alike two spellings are, in plain SQL: extensions for it are not everywhere.

-- The letters and digits of a text in lower case; ё is е, everything else is a space.
create or replace function reports.plain_text(given text) returns text
language sql
immutable
parallel safe
security invoker
return trim(regexp_replace(translate(lower(given), 'ё', 'е'), '[^[:alnum:]]+', ' ', 'g'));
comment on function reports.plain_text(text) is 'Letters and digits in lower case, one space for everything between them.';

-- Shared trigrams by all trigrams of both texts, 0 to 1, as pg_trgm counts them: two spaces before a word, one after.
-- Texts whose digits differ are not alike at all: c1 and c2, 06 and 07 are different things on purpose.
create or replace function reports.text_likeness(one text, other text) returns numeric
language sql
immutable
parallel safe
security invoker
begin atomic
    with words as (
        select 1 as side, '  ' || word || ' ' as word from regexp_split_to_table(reports.plain_text(one), ' ') as word
        union all
        select 2 as side, '  ' || word || ' ' as word from regexp_split_to_table(reports.plain_text(other), ' ') as word
    ),
    trigrams as (
        select substr(words.word, place.place, 3) as trigram, bit_or(words.side) as sides
        from words
        cross join lateral generate_series(1, length(words.word) - 2) as place (place)
        group by 1
    )
    select case
        when trim(regexp_replace(one, '\D+', ' ', 'g')) <> trim(regexp_replace(other, '\D+', ' ', 'g')) then 0
        else coalesce(round(count(*) filter (where trigrams.sides = 3)::numeric / nullif(count(*), 0), 3), 0)
    end
    from trigrams;
end;
comment on function reports.text_likeness(text, text) is 'Likeness of two spellings by their trigrams, 0 to 1; 0 where digits differ.';
