-- What analysts read: views on views, a materialized view and one on top of it, functions.

CREATE FUNCTION aviation.kilometres(miles numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE STRICT AS 'SELECT round(miles * 1.609344, 1)';
COMMENT ON FUNCTION aviation.kilometres IS 'Miles in kilometres, to one decimal';

CREATE SCHEMA reporting;
COMMENT ON SCHEMA reporting IS 'What analysts read: every object here is derived from the schema aviation';

CREATE FUNCTION reporting.is_late(delay smallint) RETURNS boolean
    LANGUAGE sql IMMUTABLE AS 'SELECT delay > 15';
COMMENT ON FUNCTION reporting.is_late IS 'Late as the US Department of Transportation counts it: more than 15 minutes';

CREATE VIEW reporting.flight_facts AS
SELECT f.flight_id,
       f.time_hour AS departure_hour,
       f.carrier,
       a.name AS airline_name,
       f.origin,
       o.name AS origin_name,
       f.dest,
       d.name AS dest_name,
       f.dep_delay,
       f.arr_delay,
       f.cancelled,
       aviation.kilometres(f.distance) AS distance_km
FROM aviation.flights f
JOIN aviation.airlines a ON a.carrier = f.carrier
JOIN aviation.airports o ON o.faa = f.origin
JOIN aviation.airports d ON d.faa = f.dest;
COMMENT ON VIEW reporting.flight_facts IS 'One row for each scheduled departure, with names in place of codes';

CREATE VIEW reporting.late_flights AS
SELECT flight_id, departure_hour, airline_name, origin_name, dest_name, arr_delay
FROM reporting.flight_facts
WHERE reporting.is_late(arr_delay);
COMMENT ON VIEW reporting.late_flights IS 'Flights that arrived more than 15 minutes late';

CREATE VIEW reporting.late_flights_by_airline AS
SELECT airline_name, count(flight_id) AS late_flights, avg(arr_delay) AS average_delay
FROM reporting.late_flights
GROUP BY airline_name;
COMMENT ON VIEW reporting.late_flights_by_airline IS 'How often and how much each airline was late';

CREATE VIEW reporting.plane_usage AS
SELECT p.tailnum, p.manufacturer, p.model, count(f.flight_id) AS flights, sum(f.distance) AS miles
FROM aviation.planes p
JOIN aviation.flights f ON f.tailnum = p.tailnum
GROUP BY p.tailnum, p.manufacturer, p.model;
COMMENT ON VIEW reporting.plane_usage IS 'How much each aircraft flew';

CREATE MATERIALIZED VIEW reporting.daily_departures AS
SELECT f.origin,
       (f.time_hour AT TIME ZONE 'America/New_York')::date AS departure_day,
       count(f.flight_id) AS flights,
       avg(f.dep_delay) AS average_delay,
       min(w.visib) AS worst_visibility
FROM aviation.flights f
LEFT JOIN aviation.weather w ON w.origin = f.origin AND w.time_hour = f.weather_hour
GROUP BY f.origin, (f.time_hour AT TIME ZONE 'America/New_York')::date;
COMMENT ON MATERIALIZED VIEW reporting.daily_departures IS 'Departures of each day and airport, with the weather at its worst';
CREATE UNIQUE INDEX daily_departures_key ON reporting.daily_departures (origin, departure_day);

CREATE VIEW reporting.worst_days AS
SELECT origin, departure_day, average_delay, worst_visibility
FROM reporting.daily_departures
WHERE average_delay > 30;
COMMENT ON VIEW reporting.worst_days IS 'Days on which the average departure was more than half an hour late';

CREATE PROCEDURE reporting.refresh()
    LANGUAGE sql AS 'REFRESH MATERIALIZED VIEW reporting.daily_departures';
COMMENT ON PROCEDURE reporting.refresh IS 'Brings the materialized view up to date';
