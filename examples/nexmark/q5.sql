-- q5, hot items: how many bids each auction had within ten seconds, for windows that begin every two seconds.
CREATE TABLE q5 WITH (RETENTION_MS=-1) AS
  SELECT auction, COUNT(*) AS bids
  FROM bid WINDOW HOPPING (SIZE 10 SECONDS, ADVANCE BY 2 SECONDS)
  GROUP BY auction;
