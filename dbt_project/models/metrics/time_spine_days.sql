-- One row per day from 2010 to 2049: the calendar that MetricFlow joins to.
select generate_series(date '2010-01-01', date '2049-12-31', interval '1 day')::date as date_day
