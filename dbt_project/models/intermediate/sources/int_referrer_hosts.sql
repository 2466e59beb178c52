-- One row per referring host with the channel and source of the referrer seed; an unknown host is a referral site.
with

marked as (
    select * from {{ ref('int_marked_records') }}
),

rules as (
    select * from {{ ref('referrer_groupings') }}
),

hosts as (
    select distinct referrer_host as host
    from marked
    where referrer_host is not null
),

matched as (
    select distinct on (hosts.host)
        hosts.host,
        rules.channel,
        rules.source
    from hosts
    inner join rules on hosts.host ~ ('^(' || rules.host_pattern || ')$')
    order by hosts.host asc, length(rules.host_pattern) desc, rules.host_pattern asc
),

final as (
    select
        hosts.host,
        coalesce(matched.channel, 'referral_site') as channel,
        coalesce(matched.source, hosts.host) as source
    from hosts
    left join matched on hosts.host = matched.host
)

select * from final
