-- q11, user sessions: how often each bidder bid until it paused for ten seconds.
CREATE TABLE q11 WITH (RETENTION_MS=-1) AS
  SELECT bidder, COUNT(*) AS bids
  FROM bid WINDOW SESSION (10 SECONDS)
  GROUP BY bidder;
