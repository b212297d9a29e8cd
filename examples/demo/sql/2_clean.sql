-- What the files hold that the keys would refuse, and what becomes of it. Nothing is dropped.
--   · 721 aircraft and 4 airports that only flights mention get a row of their own, with nothing but the code.
--   · Some departures have no weather of their hour: weather_hour is null there, and the key ignores them.

INSERT INTO aviation.airports (faa)
SELECT DISTINCT dest FROM flights_as_shipped
EXCEPT SELECT faa FROM aviation.airports
ORDER BY 1;

INSERT INTO aviation.planes (tailnum)
SELECT DISTINCT tailnum FROM flights_as_shipped WHERE tailnum IS NOT NULL
EXCEPT SELECT tailnum FROM aviation.planes
ORDER BY 1;

INSERT INTO aviation.flights (
    carrier, flight, tailnum, origin, dest, time_hour, weather_hour,
    sched_dep_time, dep_time, dep_delay, sched_arr_time, arr_time, arr_delay, air_time, distance
)
SELECT f.carrier, f.flight, f.tailnum, f.origin, f.dest, f.time_hour, w.time_hour,
       f.sched_dep_time, f.dep_time, f.dep_delay, f.sched_arr_time, f.arr_time, f.arr_delay, f.air_time, f.distance
FROM flights_as_shipped f
LEFT JOIN aviation.weather w USING (origin, time_hour)
ORDER BY f.time_hour, f.origin, f.carrier, f.flight;
