with totals as (
    select
        carrier,
        sum(departures) as departures,
        round(sum(delay_minutes)::numeric / sum(departures), 1) as average_delay
    from {{ ref('daily_delays') }}
    group by carrier
)

select
    totals.carrier,
    airlines.airline,
    totals.departures,
    totals.average_delay,
    bands.label as punctuality
from totals
join {{ ref('stg_airlines') }} as airlines on airlines.carrier = totals.carrier
join {{ ref('delay_bands') }} as bands
    on totals.average_delay >= bands.from_minutes
    and totals.average_delay < bands.to_minutes
