-- Primary and foreign keys; the last one spans two columns.

ALTER TABLE aviation.airlines ADD CONSTRAINT airlines_pkey PRIMARY KEY (carrier);
ALTER TABLE aviation.airports ADD CONSTRAINT airports_pkey PRIMARY KEY (faa);
ALTER TABLE aviation.planes ADD CONSTRAINT planes_pkey PRIMARY KEY (tailnum);
ALTER TABLE aviation.weather ADD CONSTRAINT weather_pkey PRIMARY KEY (origin, time_hour);
ALTER TABLE aviation.flights ADD CONSTRAINT flights_pkey PRIMARY KEY (flight_id);
ALTER TABLE aviation.flights ADD CONSTRAINT flights_schedule_key UNIQUE (carrier, flight, origin, time_hour);

ALTER TABLE aviation.weather
    ADD CONSTRAINT weather_origin_fkey FOREIGN KEY (origin) REFERENCES aviation.airports (faa);
ALTER TABLE aviation.flights
    ADD CONSTRAINT flights_carrier_fkey FOREIGN KEY (carrier) REFERENCES aviation.airlines (carrier),
    ADD CONSTRAINT flights_tailnum_fkey FOREIGN KEY (tailnum) REFERENCES aviation.planes (tailnum),
    ADD CONSTRAINT flights_origin_fkey FOREIGN KEY (origin) REFERENCES aviation.airports (faa),
    ADD CONSTRAINT flights_dest_fkey FOREIGN KEY (dest) REFERENCES aviation.airports (faa),
    ADD CONSTRAINT flights_weather_fkey FOREIGN KEY (origin, weather_hour)
        REFERENCES aviation.weather (origin, time_hour);
