-- One row per inquiry of several rows of the channel report and each of these, with its share under every model that the report does
-- not say at once: side by side, so that a reader meets each inquiry once. The shares of a model are those of
-- channels_and_sources_credits. Shapley's players are the rows of the level asked for: the first row of a player has its share.
with

credits as not materialized (
    select * from {{ ref('channels_and_sources_credits') }}
),

inquiries as (
    select * from {{ ref('channels_and_sources_events') }}
    where event_kind = 'inquiry' and not is_of_one_row
),

touched as (
    select
        inquiries.clinic_id,
        inquiries.inquiry_key,
        inquiries.cohort_date,
        credits.channel,
        credits.source,
        credits.medium,
        credits.campaign,
        coalesce(sum(credits.credit) filter (where credits.attribution_model = 'first_touch'), 0) as first_touch,
        coalesce(sum(credits.credit) filter (where credits.attribution_model = 'last_touch'), 0) as last_touch,
        coalesce(sum(credits.credit) filter (where credits.attribution_model = 'linear'), 0) as linear,
        coalesce(sum(credits.credit) filter (where credits.attribution_model = 'position_based'), 0) as position_based,
        coalesce(sum(credits.credit) filter (where credits.attribution_model = 'time_decay'), 0) as time_decay,
        coalesce(sum(credits.credit) filter (where credits.attribution_model = 'w_shaped'), 0) as w_shaped
    from inquiries
    inner join credits on inquiries.clinic_id = credits.clinic_id and inquiries.inquiry_key = credits.inquiry_key
    where credits.level = 'any'
    group by
        inquiries.clinic_id, inquiries.inquiry_key, inquiries.cohort_date,
        credits.channel, credits.source, credits.medium, credits.campaign
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

players as (
    select
        credits.clinic_id,
        credits.inquiry_key,
        credits.level,
        credits.channel,
        credits.source,
        credits.campaign,
        credits.credit
    from credits
    where credits.attribution_model = 'shapley'
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
            placed.clinic_id = channels.clinic_id
            and placed.inquiry_key = channels.inquiry_key
            and placed.channel = channels.channel
            and channels.level = 'channel'
            and placed.place_in_channel = 1
    left join players as sources
        on
            placed.clinic_id = sources.clinic_id
            and placed.inquiry_key = sources.inquiry_key
            and placed.channel = sources.channel
            -- equal, or both null: said so that it can be hashed
            and coalesce(placed.source, '') = coalesce(sources.source, '')
            and (placed.source is null) = (sources.source is null)
            and sources.level = 'source'
            and placed.place_in_source = 1
    left join players as campaigns
        on
            placed.clinic_id = campaigns.clinic_id
            and placed.inquiry_key = campaigns.inquiry_key
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
