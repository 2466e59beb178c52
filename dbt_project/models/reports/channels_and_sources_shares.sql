-- One row per inquiry of several rows of the channel report and each of these, with its share under every model that the report does
-- not say at once: side by side, so that a reader meets each inquiry once. Shapley's players are the rows of the level asked for: the
-- first row of a player has its share.
with

inquiries as (
    select * from {{ ref('int_inquiries') }}
),

credited as (
    select * from {{ ref('int_inquiry_rows') }}
    where report_rows > 1
),

players as (
    select * from {{ ref('int_inquiry_player_credits') }}
),

touched as (
    select
        inquiries.clinic_id,
        inquiries.local_date as cohort_date,
        credited.inquiry_key,
        credited.channel,
        credited.source,
        credited.medium,
        credited.campaign,
        credited.first_touch,
        credited.last_touch,
        credited.linear,
        credited.position_based,
        credited.time_decay,
        credited.w_shaped
    from credited
    inner join inquiries on credited.inquiry_key = inquiries.inquiry_key
),

placed as (
    select
        touched.*,
        row_number() over of_channel as place_in_channel,
        row_number() over of_source as place_in_source,
        row_number() over of_campaign as place_in_campaign
    from touched
    window
        of_channel as (
            partition by touched.inquiry_key, touched.channel
            order by touched.source asc, touched.campaign asc, touched.medium asc
        ),
        of_source as (
            partition by touched.inquiry_key, touched.channel, touched.source
            order by touched.campaign asc, touched.medium asc
        ),
        of_campaign as (
            partition by touched.inquiry_key, touched.channel, touched.source, touched.campaign
            order by touched.medium asc
        )
),

final as (
    select
        md5(concat_ws(
            '|', placed.inquiry_key, placed.channel, 's', placed.source, 'm', placed.medium, 'c', placed.campaign
        )) as share_key,
        placed.clinic_id,
        placed.inquiry_key,
        placed.cohort_date,
        placed.channel,
        placed.source,
        placed.medium,
        placed.campaign,
        placed.first_touch,
        placed.last_touch,
        placed.linear,
        placed.position_based,
        placed.time_decay,
        placed.w_shaped,
        channels.credit as shapley_of_channel,
        sources.credit as shapley_of_source,
        campaigns.credit as shapley_of_campaign
    from placed
    left join players as channels
        on
            placed.inquiry_key = channels.inquiry_key
            and placed.channel = channels.channel
            and channels.level = 'channel'
            and placed.place_in_channel = 1
    left join players as sources
        on
            placed.inquiry_key = sources.inquiry_key
            and placed.channel = sources.channel
            -- equal, or both null: said so that it can be hashed
            and coalesce(placed.source, '') = coalesce(sources.source, '')
            and (placed.source is null) = (sources.source is null)
            and sources.level = 'source'
            and placed.place_in_source = 1
    left join players as campaigns
        on
            placed.inquiry_key = campaigns.inquiry_key
            and placed.channel = campaigns.channel
            and coalesce(placed.source, '') = coalesce(campaigns.source, '')
            and (placed.source is null) = (campaigns.source is null)
            and coalesce(placed.campaign, '') = coalesce(campaigns.campaign, '')
            and (placed.campaign is null) = (campaigns.campaign is null)
            and campaigns.level = 'campaign'
            and placed.place_in_campaign = 1
)

select * from final
-- rows of an inquiry lie together, as they are read
order by final.inquiry_key asc
