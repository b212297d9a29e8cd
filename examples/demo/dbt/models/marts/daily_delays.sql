{{ config(
    materialized='incremental',
    unique_key=['departure_day', 'origin', 'carrier'],
    incremental_strategy='delete+insert',
) }}

select
    flights.departure_day,
    flights.origin,
    flights.carrier,
    count(flights.departure_delay) as departures,
    count(*) filter (where flights.is_cancelled) as cancellations,
    coalesce(sum(greatest(flights.departure_delay, 0)), 0) as delay_minutes
from {{ ref('stg_flights') }} as flights
{% if is_incremental() %}
-- The last day is made again, because it may not have been over.
where flights.departure_day >= (select max(built.departure_day) from {{ this }} as built)
{% endif %}
group by flights.departure_day, flights.origin, flights.carrier
