-- q12, running aggregates: bids and their sum by bidder. Nexmark cuts them by the time of processing; here they never end.
CREATE TABLE q12 AS
  SELECT bidder, COUNT(*) AS bids, SUM(price) AS total
  FROM bid
  GROUP BY bidder;
