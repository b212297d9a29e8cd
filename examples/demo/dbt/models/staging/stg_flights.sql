select
    flight_id,
    carrier,
    tailnum as tail_number,
    origin,
    dest as destination,
    (time_hour at time zone 'America/New_York')::date as departure_day,
    dep_delay as departure_delay,
    arr_delay as arrival_delay,
    cancelled as is_cancelled,
    distance as miles
from {{ source('aviation', 'flights') }}
