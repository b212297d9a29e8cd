-- Every flight of the source is in daily_delays, as a departure or as a cancellation.
with counted as (
    select sum(departures + cancellations) as flights from {{ ref('daily_delays') }}
),

scheduled as (
    select count(*) as flights from {{ ref('stg_flights') }}
)

select counted.flights as counted, scheduled.flights as scheduled
from counted
cross join scheduled
where counted.flights <> scheduled.flights
