-- A week of earthquakes: fields of a nested object, counts per network, and swarms: quakes of a network less than an hour apart.
CREATE STREAM quakes (
    id VARCHAR, time BIGINT, mag DOUBLE, place VARCHAR, net VARCHAR, kind VARCHAR,
    position STRUCT<lon DOUBLE, lat DOUBLE, depth DOUBLE>
  ) WITH (KAFKA_TOPIC='quakes', VALUE_FORMAT='JSON', TIMESTAMP='time');

CREATE STREAM deep_quakes AS
  SELECT id, mag, place, position->depth AS depth, position->lat AS lat
  FROM quakes
  WHERE position->depth > 300;

CREATE TABLE networks AS
  SELECT net, COUNT(*) AS quakes, MAX(mag) AS strongest
  FROM quakes
  GROUP BY net;

CREATE TABLE swarms AS
  SELECT net, COUNT(*) AS quakes, MAX(mag) AS strongest
  FROM quakes WINDOW SESSION (1 HOUR, GRACE PERIOD 7 DAYS)
  GROUP BY net;
