select
    flights.origin,
    flights.destination,
    airports.airport_name as destination_name,
    count(flights.flight_id) as flights,
    min(flights.miles) as miles
from {{ ref('stg_flights') }} as flights
join {{ ref('stg_airports') }} as airports on airports.airport = flights.destination
group by flights.origin, flights.destination, airports.airport_name
