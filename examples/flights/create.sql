-- Domestic flights of early 2001: local departure times as text become event time, delays are averaged by origin and by day.
CREATE STREAM flights (date VARCHAR, delay INT, distance INT, origin VARCHAR, destination VARCHAR)
  WITH (KAFKA_TOPIC='flights', VALUE_FORMAT='JSON', TIMESTAMP='date', TIMESTAMP_FORMAT='yyyy/MM/dd HH:mm');

CREATE TABLE delays AS
  SELECT origin, COUNT(*) AS flights, SUM(delay) AS late, AVG(delay) AS average, MAX(delay) AS worst
  FROM flights
  GROUP BY origin;

CREATE TABLE daily AS
  SELECT origin, COUNT(*) AS flights, SUM(delay) AS late
  FROM flights WINDOW TUMBLING (SIZE 1 DAY, GRACE PERIOD 100 DAYS)
  WHERE PARSE_TIMESTAMP(date, 'yyyy/MM/dd HH:mm') < '2001-01-08'
  GROUP BY origin;
