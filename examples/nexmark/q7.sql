-- q7, highest bid: the highest price of every ten seconds.
CREATE TABLE q7 WITH (RETENTION_MS=-1) AS
  SELECT 1 AS one, MAX(price) AS price
  FROM bid WINDOW TUMBLING (SIZE 10 SECONDS)
  GROUP BY 1;
